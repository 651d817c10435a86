"""The match of Algorithm 1, row by row: whether each policy chose what the log shows."""

import numpy as np

from components.sctr_evaluator.policies import POLICIES
from components.sctr_evaluator.rows.scored_rows import ScoredRows


def matches(scored: ScoredRows) -> np.ndarray:
    """The match m of each policy of a model, in the order of `POLICIES`.

    For a policy that makes a choice, m is 1 where the choice is what was shown, and 0 elsewhere. For the
    expectation form of the sampled policy, m is pi(shown), which has the same mean as the match of a draw but
    not its variance. Candidates that were truncated away can be neither chosen nor drawn.

    Args:
        scored: The outputs of the exported model for R rows.

    Returns:
        The matches, float64 [R, M, P].
    """
    shown = scored.shown
    probability = scored.element_probability
    within = (shown >= 0) & (shown < probability.shape[2])
    place = np.where(within, shown, 0)[..., None]
    expected = np.where(within, np.take_along_axis(probability, place, 2)[..., 0], 0.0)
    columns = [
        expected if policy == 'sampled_expectation' else (scored.choice(policy) == shown) & (shown >= 0)
        for policy in POLICIES
    ]
    return np.stack(columns, 2).astype(np.float64)


def uniform_matches(scored: ScoredRows) -> np.ndarray:
    """The match of the uniform policy in its expectation form, 1/n, float64 [R, M, 1]."""
    return 1.0 / np.maximum(scored.candidate_count, 1)[..., None]


def all_matches(scored: ScoredRows, serving: ScoredRows | None) -> np.ndarray:
    """The matches of the uniform policy, of the model's policies and of the serving model's policies.

    The serving model is taken to choose uniformly for a component that it does not know.

    Args:
        scored: The outputs of the exported model for R rows.
        serving: The outputs of the serving model for the same rows, or None where there is none.

    Returns:
        The matches, float64 [R, M, 1 + P], or [R, M, 1 + 2P] with a serving model.
    """
    uniform = uniform_matches(scored)
    parts = [uniform, matches(scored)]
    if serving is not None:
        theirs, names = matches(serving), serving.component_names
        unknown = np.repeat(uniform, len(POLICIES), 2)
        columns = [
            theirs[:, names.index(name)] if name in names else unknown[:, j]
            for j, name in enumerate(scored.component_names)
        ]
        parts.append(np.stack(columns, 1))
    return np.concatenate(parts, 2)
