"""Which request and which cluster a row belongs to, as stable hashes."""

import tensorflow as tf

from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID

# 62 bits: as the exported model derives its seeds, so that choices here are the choices served.
_HASH_RANGE = 1 << 62
_DTYPES = {'bytes_list': tf.string, 'int64_list': tf.int64, 'float_list': tf.float32}


class RowIdentity:
    """Seeds and cluster keys of serialized tf.Examples; neither depends on the batch.

    Args:
        cluster: column of the clusters. A row without a value is a cluster of its own.
    """

    def __init__(self, cluster: str):
        self._cluster = cluster
        self._dtype = None

    def __call__(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns seeds and cluster keys of rows, string [R]: both int64 [R], at least 0, below 2^62.

        Raises:
            InputError: the rows have no such column.
        """
        return _identify(rows, self._cluster, self._dtype or self._find_dtype(rows))

    def _find_dtype(self, rows: tf.Tensor) -> tf.DType:
        """The column's type; taken for string while no row has a value."""
        for row in rows.numpy():
            features = tf.train.Example.FromString(row).features.feature
            if self._cluster not in features:
                raise InputError(
                    f'evaluation.cluster: {self._cluster!r} is no column of the logs; name one that is'
                )
            kind = features[self._cluster].WhichOneof('kind')
            if kind is not None:
                self._dtype = _DTYPES[kind]
                return self._dtype
        return tf.string


@tf.function(reduce_retracing=True)
def _identify(rows: tf.Tensor, column: str, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    spec = {
        REQUEST_ID: tf.io.FixedLenFeature([], tf.string, default_value=''),
        'cluster': tf.io.RaggedFeature(dtype, column),
    }
    parsed = tf.io.parse_example(rows, spec)
    request, cluster = parsed[REQUEST_ID], parsed['cluster']
    text = cluster if dtype == tf.string else tf.strings.as_string(cluster)
    named = tf.strings.reduce_join(text, axis=1, separator='\n')
    missing = tf.equal(cluster.row_lengths(), 0)
    return _hash(request), _hash(tf.where(missing, 'request\n' + request, named))


def _hash(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(text, _HASH_RANGE)
