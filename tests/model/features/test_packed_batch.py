"""Packing against nested Python lists."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from model.features.feature_tables import FeatureTables
from model.features.packed_batch import index_of, pack

TABLES = FeatureTables(
    ids={'u': 10, 'a': 20},
    numbers=('x',),
    terms={'q': 5},
    components={'title': 100, 'image': 50},
    frequent=7,
    subwords={'image': 30},
    ad='a',
    max_candidates=4,
)
rows = st.lists(st.integers(-7, 9), max_size=4)
terms = st.lists(st.integers(0, 4), max_size=4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(rows, rows, terms, st.integers(0, 9)), min_size=1, max_size=6), st.data())
def test_packs_by_ad_then_component_then_candidate(ads, data):
    subwords = [
        [data.draw(st.lists(st.integers(0, 29), max_size=3)) for _ in image] for _, image, _, _ in ads
    ]
    ragged = lambda lists: tf.ragged.constant(lists, tf.int64, ragged_rank=1)  # noqa: E731
    features = {
        'u': tf.constant([u for *_, u in ads], tf.int64),
        'a': tf.constant([2 * u for *_, u in ads], tf.int64),
        'x': tf.constant([u / 2 for *_, u in ads], tf.float32),
        'q': ragged([q for _, _, q, _ in ads]),
        'title': ragged([title for title, *_ in ads]),
        'image': ragged([image for _, image, *_ in ads]),
        'image_subwords': ragged([[w for element in ad for w in element] for ad in subwords]),
        'image_subword_counts': ragged([[len(element) for element in ad] for ad in subwords]),
    }
    batch = {name: value.numpy().tolist() for name, value in pack(features, TABLES).items()}
    place = lambda row, first: first + row if row >= 0 else 149 - row  # noqa: E731
    expected = [[place(t, 0) for t in title] + [place(i, 100) for i in image] for title, image, *_ in ads]
    assert batch['elements'] == sum(expected, [])
    assert batch['counts'] == [[len(title), len(image)] for title, image, *_ in ads]
    assert batch['context_ids'] == [[u, 10 + 2 * u] for *_, u in ads]
    assert batch['terms'] == [30 + t for _, _, q, _ in ads for t in q]
    assert batch['subword_rows'] == [w for ad in subwords for element in ad for w in element]
    per_element = [[0] * len(title) + [len(w) for w in ad] for (title, *_), ad in zip(ads, subwords)]
    assert batch['subwords_per_element'] == sum(per_element, [])


def test_index_says_where_each_element_belongs():
    counts = np.array([[2, 0, 1], [0, 0, 3]], np.int32)
    index = index_of(tf.constant(counts))
    triples = [(i, j, k) for i in range(2) for j in range(3) for k in range(counts[i, j])]
    found = zip(index.ad.numpy(), index.component.numpy(), index.position.numpy(), strict=True)
    assert list(found) == triples
    np.testing.assert_array_equal(index.segment, [3 * i + j for i, j, _ in triples])
    np.testing.assert_array_equal(index.start, [[0, 2, 2], [3, 3, 3]])
