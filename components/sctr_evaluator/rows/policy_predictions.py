"""What each policy would show on logged rows, and what the models expect of it; pure numpy."""

from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.policies import POLICIES
from components.sctr_evaluator.rows.policy_matches import all_matches
from components.sctr_evaluator.rows.scored_rows import ScoredRows

_CHOICES = tuple(policy for policy in POLICIES if policy != 'sampled_expectation')


class PolicyRows(NamedTuple):
    """R rows, M components, P policies: uniform, the model's, and those of the serving model, if any.

    Each policy is judged by the CTRs that its own model predicts, uniform by those of the model under test.
    An element's is f_comb's mean over random combinations, more or less as f_ele's sigmoid is above or below
    its mean over the component's elements.

    Attributes:
        match: float64 [R, M, P], probability with which a policy shows what was shown.
        expected: float64 [R, M, P], mean predicted CTR of the element that a policy shows.
        predicted: float64 [R, M, P], of the element that was shown.
        combination: float64 [R, P], mean predicted CTR of the combination that a policy shows.
        shown: float64 [R, P], of the combination that was shown.
    """

    match: np.ndarray
    expected: np.ndarray
    predicted: np.ndarray
    combination: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, scored: ScoredRows, serving: ScoredRows | None) -> Self:
        """Of what `score_examples` of the exported models returns on the same rows.

        Args:
            scored: of the model under test.
            serving: of the model that serves now, or None where there is none.
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

    uniform, predicted: [R, M]; expected: [R, M, P]; uniform_combination, shown: [R]; combination: [R, P].
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
        # What was truncated away is unknown to the model: it is taken for an average element.
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
        """With the components of `order`; one that this model does not know it chooses uniformly."""
        known = [names.index(name) if name in names else None for name in order]
        unknown = np.repeat(other.uniform[..., None], len(POLICIES), 2)
        expected = [unknown[:, j] if k is None else self.expected[:, k] for j, k in enumerate(known)]
        predicted = [
            other.predicted[:, j] if k is None else self.predicted[:, k] for j, k in enumerate(known)
        ]
        return self._replace(expected=np.stack(expected, 1), predicted=np.stack(predicted, 1))


def _combinations(scored: ScoredRows) -> np.ndarray:
    """f_comb's CTR of the combination of each of `POLICIES`, a mean where it is drawn, float64 [R, P]."""
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
    """CTR of each element where all others are chosen by chance, [R, M, N], and its mean, [R, M].

    f_ele is trained to rank, so that its sigmoid says only how elements of one component relate. How often
    the ad is clicked where all is chosen by chance, f_comb says: `combination`, [R].
    """
    exists = np.isfinite(score)
    with np.errstate(over='ignore'):
        relative = np.where(exists, 1.0 / (1.0 + np.exp(-score)), 0.0)
    mean = relative.sum(2) / np.maximum(exists.sum(2), 1)
    scale = np.divide(combination[:, None], mean, out=np.zeros_like(mean), where=mean > 0)
    return relative * scale[..., None], mean * scale
