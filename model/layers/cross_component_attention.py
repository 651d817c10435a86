"""Cross-component attention on packed elements (eq. 13)."""

import math

import tensorflow as tf

from model.batch import Index

_GROUPS = 4
_MASKED = -1e9
_LARGEST_LOGIT = 40.0


class CrossComponentAttention(tf.keras.layers.Layer):
    """z_k = Attn(emb(e_k), {emb(e_k)} and the embeddings of all elements of other components).

    With q = W_q e, k = W_k e, v = W_v e and a over e_k itself and the elements l of the same ad's
    other components:

        z_k = W_o sum_l a_kl v_l,   a_kl = exp(q_k . k_l / sqrt(d)) / sum_l' exp(q_k . k_l' / sqrt(d))

    An ad with one component attends to itself alone. Ads are sorted by their number of elements and
    worked on in a few groups, each padded only to its own largest ad. In a group the logits are one
    batched matrix product: the self logit is subtracted and elements of the same component are
    masked inside it, by further columns of q and k, so the own element is exp(0) = 1, added outside.
    Entries of q and k are clipped so that no logit passes 40 and no exponential overflows.

    Args:
        components: M.
        units: d, hidden size of the attention.

    Call: embeddings float32 [T, D], counts int32 [B, M], index of the batch -> z float32 [T, d].

    Reference: GenCO, eq. 13; Vaswani et al. 2017.
    """

    def __init__(self, components: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.components = components
        self.units = units
        self._project = tf.keras.layers.Dense(3 * units, use_bias=False, name='query_key_value')
        self._output = tf.keras.layers.Dense(units, use_bias=False, name='output')
        self._limit = math.sqrt(_LARGEST_LOGIT / math.sqrt(units))

    def call(self, embeddings: tf.Tensor, counts: tf.Tensor, index: Index) -> tf.Tensor:
        query, key, value = self.project(embeddings)
        one_hot = tf.one_hot(index.component, self.components)
        self_logit = tf.reduce_sum(query * key, -1, keepdims=True)
        one = tf.ones_like(self_logit)
        rows = tf.concat([query, -self_logit, one_hot * _MASKED, key, one, one_hot, value, one], 1)
        sums = self._attend(tf.concat([rows, self._padding_row()], 0), counts, tf.size(index.ad))
        weighted, total = sums[:, : self.units], sums[:, self.units :]
        return self._output((weighted + value) / (total + 1.0))

    def project(self, embeddings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Queries (divided by sqrt(d)), keys and values, each float32 [..., d]."""
        query, key, value = tf.split(self._project(embeddings), 3, -1)
        query = tf.clip_by_value(query, -self._limit, self._limit) / math.sqrt(self.units)
        return query, tf.clip_by_value(key, -self._limit, self._limit), value

    def combine(self, attended: tf.Tensor) -> tf.Tensor:
        """The output projection W_o."""
        return self._output(attended)

    def _padding_row(self) -> tf.Tensor:
        """A row that no query attends to: as a key it belongs to every component."""
        width = self.units + 1 + self.components
        zeros = tf.zeros([1, width + self.units + 1])
        return tf.concat([zeros, tf.ones([1, self.components]), tf.zeros([1, self.units + 1])], 1)

    def _attend(self, rows: tf.Tensor, counts: tf.Tensor, elements: tf.Tensor) -> tf.Tensor:
        """sum_l exp(logit_kl) [v_l, 1] over other components, float32 [T, d + 1]."""
        lengths = tf.reduce_sum(counts, 1)
        start = tf.cumsum(lengths, exclusive=True)
        order = tf.argsort(lengths)
        ads = tf.size(lengths)
        places = []
        for group in range(_GROUPS):
            chosen = order[group * ads // _GROUPS : (group + 1) * ads // _GROUPS]
            length = tf.gather(lengths, chosen)[:, None]
            position = tf.range(tf.reduce_max(tf.concat([length[:, 0], [0]], 0)))[None]
            place = tf.where(position < length, tf.gather(start, chosen)[:, None] + position, elements)
            places.append(place)
        place = tf.concat([tf.reshape(group, [-1]) for group in places], 0)
        back = tf.scatter_nd(place[:, None], tf.range(tf.size(place)), [elements + 1])[:elements]
        grouped = tf.split(_spread(rows, place, back), [tf.size(group) for group in places])
        sums = [
            self._attend_group(tf.reshape(values, [tf.shape(group)[0], tf.shape(group)[1], rows.shape[1]]))
            for values, group in zip(grouped, places, strict=True)
        ]
        return _collect(tf.concat(sums, 0), place, back)

    def _attend_group(self, rows: tf.Tensor) -> tf.Tensor:
        width = self.units + 1 + self.components
        query, key, value = tf.split(rows, [width, width, self.units + 1], -1)
        weights = tf.exp(tf.matmul(query, key, transpose_b=True))
        return tf.reshape(tf.matmul(weights, value), [-1, self.units + 1])

    def get_config(self):
        return super().get_config() | {'components': self.components, 'units': self.units}


@tf.custom_gradient
def _spread(rows: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Packed rows [T + 1, ...], the last for padding, to their padded places.

    Each element has one place, so the gradient is a gather as well; nothing learns from padding.
    """

    def gradient(upstream):
        found = tf.gather(upstream, back)
        return tf.concat([found, tf.zeros_like(found[:1])], 0), None, None

    return tf.gather(rows, place), gradient


@tf.custom_gradient
def _collect(rows: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Padded rows back to the T packed elements; the inverse of `_spread`."""

    def gradient(upstream):
        padded = tf.concat([upstream, tf.zeros_like(upstream[:1])], 0)
        return tf.gather(padded, place), None, None

    return tf.gather(rows, back), gradient
