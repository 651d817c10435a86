"""What each policy would show on logged rows, and the CTRs that the models predict for it; pure numpy."""

from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.policies import POLICIES
from components.sctr_evaluator.rows.policy_matches import all_matches
from components.sctr_evaluator.rows.scored_rows import ScoredRows

_CHOICES = tuple(policy for policy in POLICIES if policy != 'sampled_expectation')


class PolicyRows(NamedTuple):
    """The predictions for R rows, M components and P policies.

    The policies are the uniform policy, those of the model under test, and those of the serving model, if
    there is one. The CTRs of each policy are predicted by its own model, those of the uniform policy by the
    model under test. The CTR of an element is f_comb's mean over random combinations, scaled by the ratio of
    f_ele's sigmoid for the element to its mean over the elements of the component.

    Attributes:
        match: The probability with which the policy shows what was shown, float64 [R, M, P].
        expected: The mean predicted CTR of the element that the policy shows, float64 [R, M, P].
        predicted: The predicted CTR of the element that was shown, float64 [R, M, P].
        combination: The mean predicted CTR of the combination that the policy shows, float64 [R, P].
        shown: The predicted CTR of the combination that was shown, float64 [R, P].
    """

    match: np.ndarray
    expected: np.ndarray
    predicted: np.ndarray
    combination: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, scored: ScoredRows, serving: ScoredRows | None) -> Self:
        """Computes the predictions from the outputs of the exported models for the same rows.

        Args:
            scored: The outputs of the model under test.
            serving: The outputs of the model that serves now, or None where there is none.
        """
        ours = _Beliefs.of(scored)
        models = [ours] * (1 + len(POLICIES))
        columns = [ours.uniform[..., None], ours.expected]
        combination = [ours.uniform_combination[:, None], ours.combination]
        if serving is not None:
            theirs = _Beliefs.of(serving).in_order(serving.component_names, scored.component_names, ours)
            models += [theirs] * len(POLICIES)
            columns.append(theirs.expected)
            combination.append(theirs.combination)
        return cls(
            match=all_matches(scored, serving),
            expected=np.concatenate(columns, 2),
            predicted=np.stack([model.predicted for model in models], 2),
            combination=np.concatenate(combination, 1),
            shown=np.stack([model.shown for model in models], 1),
        )


class _Beliefs(NamedTuple):
    """What one model predicts; the axis P is `POLICIES`.

    Attributes:
        uniform: The mean CTR of a random element, [R, M].
        predicted: The CTR of the shown element, [R, M].
        expected: The mean CTR of the element that the policy shows, [R, M, P].
        uniform_combination: The mean CTR of a random combination, [R].
        combination: The mean CTR of the combination that the policy shows, [R, P].
        shown: The CTR of the shown combination, [R].
    """

    uniform: np.ndarray
    predicted: np.ndarray
    expected: np.ndarray
    uniform_combination: np.ndarray
    combination: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, scored: ScoredRows) -> Self:
        probability = scored.element_probability
        uniform_combination = scored.uniform_ctr.mean(1, dtype=np.float64)
        ctr, uniform = _element_ctr(scored.element_score.astype(np.float64), uniform_combination)
        places = np.stack([scored.choice(policy) for policy in _CHOICES] + [scored.shown], 2)
        within = (places >= 0) & (places < ctr.shape[2])
        # The model does not know candidates that were truncated away: they are taken for average elements.
        found = np.take_along_axis(ctr, np.where(within, places, 0), 2)
        *choices, predicted = np.moveaxis(np.where(within, found, uniform[..., None]), 2, 0)
        expected = dict(zip(_CHOICES, choices))
        expected['sampled_expectation'] = np.einsum('rmn,rmn->rm', probability, ctr)
        return cls(
            uniform,
            predicted,
            np.stack([expected[policy] for policy in POLICIES], 2),
            uniform_combination,
            _combinations(scored),
            scored.shown_ctr.astype(np.float64),
        )

    def in_order(self, names: tuple[str, ...], order: tuple[str, ...], other: '_Beliefs') -> '_Beliefs':
        """The predictions for the components of `order`; for an unknown one the model chooses uniformly."""
        known = [names.index(name) if name in names else None for name in order]
        unknown = np.repeat(other.uniform[..., None], len(POLICIES), 2)
        expected = [unknown[:, j] if k is None else self.expected[:, k] for j, k in enumerate(known)]
        predicted = [
            other.predicted[:, j] if k is None else self.predicted[:, k] for j, k in enumerate(known)
        ]
        return self._replace(expected=np.stack(expected, 1), predicted=np.stack(predicted, 1))


def _combinations(scored: ScoredRows) -> np.ndarray:
    """f_comb's CTR of the combination that each of `POLICIES` shows, float64 [R, P].

    The expectation form of the sampled policy has the mean over the combinations that were drawn.
    """
    generated, by_chance = scored.generated_ctr.astype(np.float64), scored.uniform_ctr
    ctr = {
        'greedy': generated[:, 0],
        'sampled': generated[:, 1],
        'sampled_expectation': generated[:, 1:].mean(1),
        'combination': by_chance.max(1),
        'two_stage': generated.max(1),
    }
    return np.stack([ctr[policy] for policy in POLICIES], 1)


def _element_ctr(score: np.ndarray, combination: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The CTR of each element where all others are drawn at random, [R, M, N], and its mean, [R, M].

    f_ele is trained to rank, so its sigmoid only says how the elements of one component compare. f_comb says
    how often the ad is clicked where every element is drawn at random: `combination`, [R].
    """
    exists = np.isfinite(score)
    with np.errstate(over='ignore'):
        relative = np.where(exists, 1.0 / (1.0 + np.exp(-score)), 0.0)
    mean = relative.sum(2) / np.maximum(exists.sum(2), 1)
    scale = np.divide(combination[:, None], mean, out=np.zeros_like(mean), where=mean > 0)
    return relative * scale[..., None], mean * scale
