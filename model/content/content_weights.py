"""The fitted effects of what is known of elements."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class VectorWeights(NamedTuple):
    """The effect of a vector x of a component, (x - mean) @ weights, in logits; float64 [D] each."""

    weights: np.ndarray
    mean: np.ndarray


class ContentWeights(NamedTuple):
    """The effects of terms and vectors.

    Attributes:
        terms: The keys of the subwords of texts and of the attributes, ascending, int64 [V].
        weights: The effects of these terms, float64 [V, C]: first that on the logit, then those on the factors of
            tastes and synergies. An element's n terms of one kind add their sum divided by sqrt(n).
        vectors: The effects of vectors by component.
    """

    terms: np.ndarray
    weights: np.ndarray
    vectors: Mapping[str, VectorWeights]
