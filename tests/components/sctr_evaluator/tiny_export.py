"""A small exported model: its element scores come from the ids, so that a test can compute them too."""

import numpy as np
import pyarrow as pa
import tensorflow as tf

from creative_logs.schema import Component, ContextFeature, LogSchema

SCHEMA = LogSchema(
    context=(ContextFeature(name='ad_id'), ContextFeature(name='user_id', type='int64', encoding='id')),
    components=(Component(name='title'), Component(name='image')),
    max_candidates=3,
)
_BEST = 1000


class TinyExport(tf.Module):
    """Scores an id such as `title-7-2` by a hash; the greedy choice is its arg max.

    Args:
        salt: another salt is another model.
        ctr: predicted for everything.
    """

    def __init__(self, salt: str = '', ctr: float = 0.3):
        super().__init__()
        self._salt, self._ctr = salt, ctr

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)])
    def score_examples(self, serialized, seed):
        spec = {
            'click': tf.io.FixedLenFeature([], tf.int64),
            'weight': tf.io.FixedLenFeature([], tf.float32, 1.0),
            'timestamp': tf.io.FixedLenFeature([], tf.int64),
            'ad_id': tf.io.FixedLenFeature([], tf.string),
        }
        for c in SCHEMA.components:
            spec[c.candidates] = tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)
            spec[c.shown] = tf.io.FixedLenFeature([], tf.int64)
        raw = tf.io.parse_example(serialized, spec)
        per_component = [self._score(raw[c.candidates], seed) for c in SCHEMA.components]
        counts = tf.stack([raw[c.candidates].row_lengths() for c in SCHEMA.components], 1)
        stacked = {name: tf.stack([part[name] for part in per_component], 1) for name in per_component[0]}
        shown = tf.stack([raw[c.shown] for c in SCHEMA.components], 1)
        return stacked | {
            'click': tf.cast(raw['click'], tf.float32),
            'weight': raw['weight'],
            'timestamp': raw['timestamp'],
            'ad_key': tf.strings.to_hash_bucket_fast(raw['ad_id'], 1 << 62),
            'generated_ctr': tf.fill([tf.size(seed), 3], tf.constant(self._ctr)),
            'uniform_ctr': tf.fill([tf.size(seed), 2], tf.constant(self._ctr)),
            'candidate_count': counts,
            'shown': shown,
            'shown_propensity': 1.0 / tf.cast(tf.maximum(counts, 1), tf.float32),
            'shown_ctr': tf.fill(tf.shape(seed), tf.constant(self._ctr)),
            'attention_weight': tf.where(shown >= 0, [0.25, 0.75], 0.0),
            'component': tf.constant([c.name for c in SCHEMA.components]),
        }

    def _score(self, candidates, seed):
        ids = candidates.to_tensor('', shape=[None, SCHEMA.max_candidates])
        exists = ids != ''
        score = tf.cast(tf.strings.to_hash_bucket_fast(self._salt + ids, _BEST), tf.float32) / _BEST
        score = tf.where(exists, score, -np.inf)
        probability = tf.where(exists, tf.nn.softmax(tf.where(exists, score, -1e9)), 0.0)
        present = tf.reduce_any(exists, 1)
        kept = tf.maximum(tf.reduce_sum(tf.cast(exists, tf.int64), 1), 1)
        greedy = tf.where(present, tf.argmax(score, 1), -1)
        drawn = tf.where(present, seed % kept, -1)
        return {
            'element_score': score,
            'element_probability': probability,
            'greedy': greedy,
            'sampled': drawn,
            'two_stage': greedy,
            'combination': drawn,
        }


def export(path, **kwargs) -> str:
    """Saves a `TinyExport`; returns the folder."""
    tf.saved_model.save(TinyExport(**kwargs), str(path))
    return str(path)


def make_logs(rows: int, seed: int = 0, lift: float = 0.4) -> pa.RecordBatch:
    """A uniform log of 30 ads in which what the unsalted model prefers is clicked more often."""
    rng = np.random.default_rng(seed)
    ads = rng.integers(30, size=rows)
    columns = {
        'request_id': [f'r{seed}-{i}' for i in range(rows)],
        'timestamp': np.arange(rows, dtype=np.int64) + 1_718_841_600_000,
        'ad_id': [f'ad{a}' for a in ads],
        'user_id': pa.array([int(u) if u else None for u in rng.integers(50, size=rows)], pa.int64()),
    }
    preferred = np.zeros(rows)
    for c in SCHEMA.components:
        counts = ads % 5 if c.name == 'image' else ads % 3 + 2
        lists = [[f'{c.name}-{a}-{k}' for k in range(n)] for a, n in zip(ads, counts)]
        shown = np.where(counts > 0, (rng.random(rows) * counts).astype(np.int64), -1)
        columns[c.candidates], columns[c.shown] = lists, shown
        best = [_best(ids[: SCHEMA.max_candidates]) for ids in lists]
        preferred += (shown == np.array(best)) & (counts > 1)
        columns[c.propensity] = pa.nulls(rows, pa.float32())
    columns['click'] = (rng.random(rows) < 0.3 + lift * preferred / 2).astype(np.int64)
    columns['weight'] = np.ones(rows, np.float32)
    columns['policy'] = ['uniform'] * rows
    columns['model_version'] = pa.nulls(rows, pa.string())
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA.arrow_schema())


def _best(ids: list[str]) -> int:
    if not ids:
        return -2
    return int(np.argmax(tf.strings.to_hash_bucket_fast(ids, _BEST).numpy()))


def write_records(path, serialized) -> str:
    """Writes serialized rows as a gzipped TFRecord file, like ExampleGen; returns its path."""
    with tf.io.TFRecordWriter(str(path), 'GZIP') as writer:
        for row in serialized:
            writer.write(row)
    return str(path)
