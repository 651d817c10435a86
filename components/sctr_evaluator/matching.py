"""Algorithm 1 row by row: which policy chose what the log shows, and what that adds to the sums."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from creative_logs.errors import InputError

UNIFORM = 'uniform'
POLICIES = ('greedy', 'sampled', 'sampled_expectation', 'combination', 'two_stage')
OVERALL = 'overall'

Scored = Mapping[str, np.ndarray]


class Contributions(NamedTuple):
    """What R rows add to the sums; M components, L = M + 1 levels (the last: pooled), P policies.

    Attributes:
        ratio: float64 [R, L, P, 2], terms of sCTR's numerator and denominator.
        counted: float64 [L, 2], how many rows counted, and their weight.
        matched: float64 [L, P, 2], sum of weight x m, and of weight x (m / propensity)^2.
    """

    ratio: np.ndarray
    counted: np.ndarray
    matched: np.ndarray


def matches(scored: Scored) -> np.ndarray:
    """m of a model's policies, in the order of `POLICIES`.

    Of a choice, m is 1 where it is what was shown. In the expectation form of the sampled policy m is
    pi(shown): the same mean over the draws without their variance. What was truncated away can neither
    be chosen nor drawn.

    Args:
        scored: what `score_examples` of the exported model returns, R rows.

    Returns:
        float64 [R, M, P].
    """
    shown = scored['shown']
    probability = scored['element_probability']
    within = (shown >= 0) & (shown < probability.shape[2])
    place = np.where(within, shown, 0)[..., None]
    expected = np.where(within, np.take_along_axis(probability, place, 2)[..., 0], 0.0)
    columns = [
        expected if policy == 'sampled_expectation' else (scored[policy] == shown) & (shown >= 0)
        for policy in POLICIES
    ]
    return np.stack(columns, 2).astype(np.float64)


def uniform_matches(scored: Scored) -> np.ndarray:
    """m of the uniform policy in its expectation form, 1/n, float64 [R, M, 1]."""
    return 1.0 / np.maximum(scored['candidate_count'], 1)[..., None]


def all_matches(scored: Scored, serving: Scored | None) -> np.ndarray:
    """m of the uniform policy, of the model's policies and of the serving model's, on the same rows.

    A component that the serving model does not know is chosen uniformly by it.

    Args:
        scored: what `score_examples` of the exported model returns, R rows.
        serving: likewise of the serving model, or None where there is none.

    Returns:
        float64 [R, M, 1 + P], or [R, M, 1 + 2P] with a serving model.
    """
    uniform = uniform_matches(scored)
    parts = [uniform, matches(scored)]
    if serving is not None:
        theirs, names = matches(serving), component_names(serving)
        unknown = np.repeat(uniform, len(POLICIES), 2)
        columns = [
            theirs[:, names.index(name)] if name in names else unknown[:, j]
            for j, name in enumerate(component_names(scored))
        ]
        parts.append(np.stack(columns, 1))
    return np.concatenate(parts, 2)


def component_names(scored: Scored) -> tuple[str, ...]:
    """Names of the components, in the order of the axis M."""
    return tuple(name.decode() for name in scored['component'])


def contributions(scored: Scored, m: np.ndarray, min_candidates: int) -> Contributions:
    """Terms of the sums: click and exposure each grow by w m, w = weight / propensity (n in Algorithm 1).

    Args:
        scored: what `score_examples` of the exported model returns, R rows.
        m: float64 [R, M, P].
        min_candidates: a component counts where it has at least so many candidates.
    """
    counts = (scored['candidate_count'] >= min_candidates) & (scored['shown'] >= 0)
    weight = np.where(counts, scored['weight'][:, None].astype(np.float64), 0.0)
    inverse = 1.0 / scored['shown_propensity'].astype(np.float64)
    denominator = (weight * inverse)[..., None] * m
    ratio = np.stack([denominator * scored['click'][:, None, None], denominator], 3)
    square = weight[..., None] * np.square(inverse[..., None] * m)
    matched = np.stack([(weight[..., None] * m).sum(0), square.sum(0)], 2)
    counted = np.stack([counts.sum(0), weight.sum(0)], 1)
    return Contributions(_with_overall(ratio, 1), _with_overall(counted, 0), _with_overall(matched, 0))


def check_finite(scored: Scored) -> None:
    """Refuses a model that scores with NaN or infinity.

    Raises:
        InputError: a predicted CTR or a probability is no finite number.
    """
    for name in ('shown_ctr', 'element_probability'):
        if not np.isfinite(scored[name]).all():
            raise InputError(f'the model gives {name} that are no finite numbers; train it again')


def _with_overall(values: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate([values, values.sum(axis, keepdims=True)], axis)
