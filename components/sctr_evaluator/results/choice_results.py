"""From the sums of a table of choices to its figures."""

from typing import NamedTuple

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results.policy_results import LevelFigures
from components.sctr_evaluator.sums.choice_sums import CHOSEN, UNIFORM, ChoiceTotals
from components.sctr_evaluator.sums.estimator_sums import Sums

_POLICIES = 2


class ChoiceSums(NamedTuple):
    """All sums of a table of choices.

    Attributes:
        file: path of the table.
        components: names, in its order.
        totals: of all rows.
        sums: of all clusters, P being uniform and the choices; None where no row is matched.
    """

    file: str
    components: tuple[str, ...]
    totals: ChoiceTotals
    sums: Sums | None


def choice_figures(choices: ChoiceSums, config: EvaluationConfig) -> dict:
    """Figures of the choices, see `results.evaluate`."""
    totals = choices.totals
    sums = choices.sums or Sums.none(len(choices.components), _POLICIES)
    figures = LevelFigures(sums, totals.counted, totals.squares, choices.components, config, modelled=False)
    return {
        'file': choices.file,
        'matched_rows': totals.matched,
        'unmatched_rows': totals.unmatched,
        'unused': totals.unused,
        'uniform': figures.of_policy(UNIFORM),
        'levels': figures.of_policy(CHOSEN),
        'combinations': figures.of_combinations(CHOSEN),
    }


def choice_problems(choices: ChoiceSums | None) -> list[str]:
    """What must be read before any figure of the choices."""
    if choices is None or not choices.totals.unmatched:
        return []
    totals = choices.totals
    rows = totals.matched + totals.unmatched
    return [
        f'{totals.unmatched:,} of {rows:,} rows have no choice in {choices.file}, as request '
        f'{", ".join(totals.examples)}: they are left out of its figures'
    ]
