"""Cross-component attention on packed elements (eq. 13)."""

import math

import numpy as np
import tensorflow as tf

from model.features.packed_batch import Index

GROUPS = 4
_MASKED = -1e9
_LARGEST_LOGIT = 40.0


class CrossComponentAttention(tf.keras.layers.Layer):
    """z_k = Attn(emb(e_k), {emb(e_k)} and the embeddings of all elements of other components).

    With q = W_q e, k = W_k e, v = W_v e and a over e_k itself and the elements l of the same ad's
    other components:

        z_k = W_o sum_l a_kl v_l,   a_kl = exp(q_k . k_l / sqrt(d)) / sum_l' exp(q_k . k_l' / sqrt(d))

    An ad with one component attends to itself alone. Ads are sorted by their number of elements and
    worked on in groups, each padded only to its own largest ad (few ads are quickest in one group, unsorted).
    In a group the logits are one batched matrix product: elements of the same component are masked inside
    it, by further columns of q and k, and the own element is added outside. Entries of q and k are clipped
    so that no logit passes 40 and no exponential overflows; their gradients pass the clip unchanged.

    Args:
        components: M.
        units: d, hidden size of the attention.

    Call: embeddings float32 [T, D], index of the batch, number of groups -> z float32 [T, d].

    Reference: GenCO, eq. 13; Vaswani et al. 2017.
    """

    def __init__(self, components: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.components = components
        self.units = units
        self._project = tf.keras.layers.Dense(3 * units, use_bias=False, name='query_key_value')
        self._output = tf.keras.layers.Dense(units, use_bias=False, name='output')
        self._limit = math.sqrt(_LARGEST_LOGIT / math.sqrt(units))
        one_hot = np.eye(components, dtype=np.float32)
        self._masks, self._marks = _MASKED * one_hot, np.pad(one_hot, [(0, 0), (0, 1)], constant_values=1)

    def call(self, embeddings: tf.Tensor, index: Index, groups: int = GROUPS) -> tf.Tensor:
        query, key, value = self.project(embeddings)
        own = tf.exp(tf.reduce_sum(query * key, -1, keepdims=True))
        masks, marks = (tf.gather(table, index.component) for table in (self._masks, self._marks))
        rows = tf.concat([query, masks, key, marks, value], 1)
        lengths = tf.reduce_sum(index.counts, 1)
        if groups == 1:
            sums = self._attend_together(rows, lengths, index.ad)
        else:
            sums = self._attend_in_groups(rows, _grouped(lengths, index.ad, groups))
        total, weighted = tf.split(sums, [1, self.units], 1)
        return self.combine((weighted + own * value) * tf.math.reciprocal(total + own))

    def project(self, embeddings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Queries (divided by sqrt(d)), keys and values, each float32 [..., d]."""
        logits, value = tf.split(self._project(embeddings), [2 * self.units, self.units], -1)
        query, key = tf.split(_clip(logits, self._limit), 2, -1)
        return query / math.sqrt(self.units), key, value

    def combine(self, attended: tf.Tensor) -> tf.Tensor:
        """The output projection W_o."""
        return self._output(attended)

    def _padding_row(self) -> tf.Tensor:
        """A row that no query attends to: as a key it belongs to every component."""
        before, behind = self.components + 2 * self.units, 1 + self.units
        return tf.concat([tf.zeros([before]), tf.ones([self.components]), tf.zeros([behind])], 0)

    def _attend_together(self, rows: tf.Tensor, lengths: tf.Tensor, ad: tf.Tensor) -> tf.Tensor:
        """sum_l exp(logit_kl) [1, v_l] over other components, float32 [T, 1 + d]."""
        ads = tf.size(lengths)
        packed = tf.RaggedTensor.from_value_rowids(rows, ad, ads, validate=False)
        padded = packed.to_tensor(self._padding_row())
        start = tf.range(ads) * tf.shape(padded)[1]
        return tf.gather(self._attend_group(padded), tf.ragged.range(start, start + lengths).values)

    def _attend_in_groups(self, rows: tf.Tensor, grouped: tuple[list[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """As `_attend_together`."""
        places, back = grouped
        place = tf.concat([tf.reshape(group, [-1]) for group in places], 0)
        spread = _spread(rows, self._padding_row()[None], place, back)
        parts = tf.split(spread, [tf.size(group) for group in places])
        sums = [
            self._attend_group(tf.reshape(values, tf.concat([tf.shape(group), rows.shape[1:]], 0)))
            for values, group in zip(parts, places, strict=True)
        ]
        return _collect(tf.concat(sums, 0), place, back)

    def _attend_group(self, rows: tf.Tensor) -> tf.Tensor:
        width = self.components + self.units
        query, key, value = tf.split(rows, [width, width, 1 + self.units], -1)
        weights = tf.exp(tf.matmul(query, key, transpose_b=True))
        return tf.reshape(tf.matmul(weights, value), [-1, 1 + self.units])

    def get_config(self):
        return super().get_config() | {'components': self.components, 'units': self.units}


def _grouped(lengths: tf.Tensor, ad: tf.Tensor, groups: int) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Padded places of the ads, from the shortest to the longest.

    Args:
        lengths: int32 [B], elements per ad.
        ad: int32 [T], ad of each element.
        groups: their number.

    Returns:
        For each group int32 [its ads, its longest ad], the elements (T for padding) in its places; and
        int32 [T], where each element is in the groups laid end to end.
    """
    start = tf.cumsum(lengths, exclusive=True)
    ads, elements = tf.size(lengths), tf.size(ad)
    order = tf.argsort(lengths)
    places, widths = [], []
    for group in range(groups):
        chosen = order[group * ads // groups : (group + 1) * ads // groups]
        places.append(_places(tf.gather(start, chosen), tf.gather(lengths, chosen), elements))
        widths.append(tf.fill([tf.size(chosen)], tf.shape(places[-1])[1]))
    first = tf.cumsum(tf.concat(widths, 0), exclusive=True)
    shift = tf.gather(first, tf.math.invert_permutation(order)) - start
    return places, tf.range(elements) + tf.gather(shift, ad)


def _places(start: tf.Tensor, lengths: tf.Tensor, padding: tf.Tensor) -> tf.Tensor:
    """Places of consecutive elements from each start, int32 [ads, its longest], then `padding`."""
    position = tf.range(tf.reduce_max(tf.concat([lengths, [0]], 0)))[None]
    return tf.where(position < lengths[:, None], start[:, None] + position, padding)


@tf.custom_gradient
def _clip(values: tf.Tensor, limit: float) -> tf.Tensor:
    """To [-limit, limit]; the gradient passes unchanged."""
    return tf.clip_by_value(values, -limit, limit), lambda upstream: (upstream, None)


@tf.custom_gradient
def _spread(rows: tf.Tensor, padding: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Packed rows [T, any] to their padded places, and the row `padding` [1, any] to the rest.

    Each element has one place, so the gradient is a gather as well; nothing learns from padding.
    """

    def gradient(upstream):
        return tf.gather(upstream, back), None, None, None

    return tf.gather(tf.concat([rows, padding], 0), place), gradient


@tf.custom_gradient
def _collect(rows: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Padded rows back to the T packed elements; the inverse of `_spread`."""

    def gradient(upstream):
        padded = tf.concat([upstream, tf.zeros_like(upstream[:1])], 0)
        return tf.gather(padded, place), None, None

    return tf.gather(rows, back), gradient
