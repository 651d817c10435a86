"""The outputs of an exported model for a batch of logged rows."""

from typing import NamedTuple, Self

import numpy as np


class ScoredRows(NamedTuple):
    """R logged rows with the outputs of a model for M components, at most N candidates and K combinations.

    The fields are named after the outputs of the exported function `score_examples`.

    Attributes:
        click: As logged, 0 or 1, float32 [R].
        weight: As logged, the number of impressions that the row stands for, float32 [R].
        timestamp: As logged, ms since epoch, int64 [R].
        ad_key: A hash of the ad below 2^62, int64 [R].
        candidate_count: The number of logged candidates, int64 [R, M].
        shown: The index of the shown element, -1 where the component is absent, int64 [R, M].
        shown_propensity: The probability with which the element was shown: 1/n where the log has none, 1
            where the component is absent, float32 [R, M].
        element_score: f_ele of each candidate, -inf where there is none, float32 [R, M, N].
        element_probability: pi of each candidate, float32 [R, M, N].
        greedy: The index of the element with the highest f_ele, int64 [R, M].
        sampled: The index of an element drawn from pi, int64 [R, M].
        two_stage: The elements of the generated combination with the highest f_comb, int64 [R, M].
        combination: The elements of the uniformly drawn combination with the highest f_comb, int64 [R, M].
        generated_ctr: f_comb of the generated combinations, the greedy one first, float32 [R, K].
        uniform_ctr: f_comb of the uniformly drawn combinations, float32 [R, K].
        shown_ctr: f_comb of the shown combination, float32 [R].
        attention_weight: w_ij (eq. 17) of the shown combination, float32 [R, M].
        component: The names of the components, bytes [M].
    """

    click: np.ndarray
    weight: np.ndarray
    timestamp: np.ndarray
    ad_key: np.ndarray
    candidate_count: np.ndarray
    shown: np.ndarray
    shown_propensity: np.ndarray
    element_score: np.ndarray
    element_probability: np.ndarray
    greedy: np.ndarray
    sampled: np.ndarray
    two_stage: np.ndarray
    combination: np.ndarray
    generated_ctr: np.ndarray
    uniform_ctr: np.ndarray
    shown_ctr: np.ndarray
    attention_weight: np.ndarray
    component: np.ndarray

    @property
    def component_names(self) -> tuple[str, ...]:
        """The names of the components, in the order of the axis M."""
        return tuple(name.decode() for name in self.component)

    def choice(self, policy: str) -> np.ndarray:
        """The indices of the elements that a policy chose, int64 [R, M].

        Args:
            policy: One of `policies.POLICIES` other than 'sampled_expectation', which does not choose.
        """
        return {
            'greedy': self.greedy,
            'sampled': self.sampled,
            'combination': self.combination,
            'two_stage': self.two_stage,
        }[policy]

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows, given by a mask, bool [R], or by indices, int64."""
        return self._replace(
            **{name: values[rows] for name, values in self._asdict().items() if name != 'component'}
        )
