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

    With q = W_q e, k = W_k e and v = W_v e, where l and l' range over the element k itself and the elements
    of the other components of the same ad:

        z_k = W_o sum_l a_kl v_l,   a_kl = exp(q_k . k_l / sqrt(d)) / sum_l' exp(q_k . k_l' / sqrt(d))

    In an ad with a single component each element attends only to itself. Ads are sorted by their number of
    elements and processed in groups, each of which is padded only to its largest ad; few ads are fastest in
    one unsorted group. One batched matrix product computes the logits of a group. Additional columns of q and
    k mask the elements of the same component in this product, and the term of the element itself is added
    separately. The entries of q and k are clipped so that no logit exceeds 40 and no exponential overflows;
    gradients pass through the clipping unchanged.

    Args:
        components: The number of components M.
        units: The hidden size d of the attention.

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
        itself = tf.exp(tf.reduce_sum(query * key, -1, keepdims=True))
        masks, marks = (tf.gather(table, index.component) for table in (self._masks, self._marks))
        rows = tf.concat([query, masks, key, marks, value], 1)
        lengths = tf.reduce_sum(index.counts, 1)
        if groups == 1:
            sums = self._attend_together(rows, lengths, index.ad)
        else:
            sums = self._attend_in_groups(rows, _grouped(lengths, index.ad, groups))
        total, weighted = tf.split(sums, [1, self.units], 1)
        return self.combine((weighted + itself * value) * tf.math.reciprocal(total + itself))

    def project(self, embeddings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns queries (divided by sqrt(d)), keys and values, each float32 [..., d]."""
        logits, value = tf.split(self._project(embeddings), [2 * self.units, self.units], -1)
        query, key = tf.split(_clip(logits, self._limit), 2, -1)
        return query / math.sqrt(self.units), key, value

    def combine(self, attended: tf.Tensor) -> tf.Tensor:
        """Applies the output projection W_o."""
        return self._output(attended)

    def _padding_row(self) -> tf.Tensor:
        """Returns a row that no query attends to, because as a key it belongs to every component."""
        before, behind = self.components + 2 * self.units, 1 + self.units
        return tf.concat([tf.zeros([before]), tf.ones([self.components]), tf.zeros([behind])], 0)

    def _attend_together(self, rows: tf.Tensor, lengths: tf.Tensor, ad: tf.Tensor) -> tf.Tensor:
        """Returns sum_l exp(logit_kl) [1, v_l] over the other components, float32 [T, 1 + d]."""
        ads = tf.size(lengths)
        packed = tf.RaggedTensor.from_value_rowids(rows, ad, ads, validate=False)
        padded = packed.to_tensor(self._padding_row())
        start = tf.range(ads) * tf.shape(padded)[1]
        return tf.gather(self._attend_group(padded), tf.ragged.range(start, start + lengths).values)

    def _attend_in_groups(self, rows: tf.Tensor, grouped: tuple[list[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Returns the same sums as `_attend_together`, computed in groups."""
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
    """Assigns the elements to padded places in groups of ads, from the shortest ads to the longest.

    Args:
        lengths: The number of elements of each ad, int32 [B].
        ad: The ad of each element, int32 [T].
        groups: The number of groups.

    Returns:
        For each group the elements at its places, or T for padding, int32 [ads, elements of the largest ad];
        and the place of each element in the concatenated groups, int32 [T].
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
    """Lists the elements of each ad from its start, then `padding`, int32 [ads, largest of `lengths`]."""
    position = tf.range(tf.reduce_max(tf.concat([lengths, [0]], 0)))[None]
    return tf.where(position < lengths[:, None], start[:, None] + position, padding)


@tf.custom_gradient
def _clip(values: tf.Tensor, limit: float) -> tf.Tensor:
    """Clips values to [-limit, limit]; the gradient passes through unchanged."""
    return tf.clip_by_value(values, -limit, limit), lambda upstream: (upstream, None)


@tf.custom_gradient
def _spread(rows: tf.Tensor, padding: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Moves packed rows [T, any] to their padded places and fills the rest with the row `padding` [1, any].

    Each element has exactly one place, so the gradient is a gather as well; padding gets no gradient.
    """

    def gradient(upstream):
        return tf.gather(upstream, back), None, None, None

    return tf.gather(tf.concat([rows, padding], 0), place), gradient


@tf.custom_gradient
def _collect(rows: tf.Tensor, place: tf.Tensor, back: tf.Tensor):
    """Moves padded rows back to the T packed elements, as the inverse of `_spread`."""

    def gradient(upstream):
        padded = tf.concat([upstream, tf.zeros_like(upstream[:1])], 0)
        return tf.gather(padded, place), None, None

    return tf.gather(rows, back), gradient
