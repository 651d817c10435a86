"""Computes the figures of a table of choices from its sums."""

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.policies import CHOICE_POLICIES, CHOSEN_INDEX, UNIFORM_INDEX
from components.sctr_evaluator.results.policy_results import LevelFigures
from components.sctr_evaluator.sums.choice_sums import ChoiceSums
from components.sctr_evaluator.sums.estimator_sums import Sums


def choice_figures(choices: ChoiceSums, config: EvaluationConfig) -> dict:
    """Computes the figures of the choices; see `results.evaluation.evaluate`."""
    totals = choices.totals
    sums = choices.sums or Sums.none(len(choices.components), CHOICE_POLICIES)
    figures = LevelFigures(sums, totals.counted, totals.squares, choices.components, config, modelled=False)
    return {
        'file': choices.file,
        'matched_rows': totals.matched,
        'unmatched_rows': totals.unmatched,
        'unused': totals.unused,
        'uniform': figures.of_policy(UNIFORM_INDEX),
        'levels': figures.of_policy(CHOSEN_INDEX),
        'combinations': figures.of_combinations(CHOSEN_INDEX),
    }


def choice_problems(choices: ChoiceSums | None) -> list[str]:
    """Lists the sentences to read before any figure of the choices."""
    if choices is None or not choices.totals.unmatched:
        return []
    totals = choices.totals
    rows = totals.matched + totals.unmatched
    return [
        f'{totals.unmatched:,} of {rows:,} rows have no choice in {choices.file}, for example request '
        f'{", ".join(totals.examples)}: they are left out of its figures'
    ]
