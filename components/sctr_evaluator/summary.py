"""An evaluation as tables that people read; plain Python, so that every reader can use it."""

from typing import NamedTuple

from components.sctr_evaluator.matching import OVERALL, POLICIES
from components.sctr_evaluator.verdict import percent

_UNKNOWN = '-'


class TextTable(NamedTuple):
    """Title, column heads and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def headline(result: dict) -> str:
    """What was measured, and the verdict, in a sentence each."""
    blessed = 'blessed' if result['verdict']['blessed'] else 'not blessed'
    ctr = '' if result['ctr'] is None else f', CTR {result["ctr"] * 100:.2f} %'
    return f'{result["rows"]:,} rows of uniform traffic{ctr}. The model is {blessed}.'


def reasons(result: dict) -> list[str]:
    """The verdict's reasons."""
    return [reason['sentence'] for reason in result['verdict']['reasons']]


def tables(result: dict) -> list[TextTable]:
    """The figures worth reading: the blessing policy by component, all policies, f_comb."""
    config = result['config']
    chosen = config['blessing_policy']
    interval = f'{config["confidence"] * 100:g} % interval'
    levels = [*result['components'], OVERALL]
    found = [
        TextTable(
            f'Policy {chosen} by component',
            (
                '',
                'sCTR',
                'uniform',
                f'lift over uniform, {interval}',
                'over serving',
                'match rate',
                'effective rows',
            ),
            tuple(_component_row(result, chosen, level) for level in levels),
        ),
        TextTable(
            f'Lift over uniform of all policies, {interval}',
            ('', *POLICIES),
            tuple(_policy_row(result, level) for level in levels),
        ),
        TextTable(
            'Predicted CTR of what was shown', ('figure', 'value'), _calibration_rows(result['calibration'])
        ),
        TextTable(
            'Mean attention weight of what was shown',
            ('component', 'weight'),
            tuple((name, _plain(weight)) for name, weight in result['attention'].items()),
        ),
    ]
    return found


def to_markdown(result: dict) -> str:
    """The whole summary as a Markdown document."""
    parts = ['# Calibrated sCTR', headline(result), '\n'.join(f'- {reason}' for reason in reasons(result))]
    for table in tables(result):
        lines = [table.columns, ['---'] * len(table.columns), *table.rows]
        parts += [f'## {table.title}', '\n'.join(f'| {" | ".join(line)} |' for line in lines)]
    return '\n\n'.join(parts) + '\n'


def _component_row(result: dict, policy: str, level: str) -> tuple[str, ...]:
    figures = result['policies'][policy][level]
    return (
        level,
        _rate(figures['sctr']['value']),
        _rate(result['uniform'][level]['sctr']['value']),
        _lift(figures['lift_over_uniform']),
        _lift(figures['lift_over_serving']),
        _rate(figures['match_rate']),
        f'{figures["effective_sample_size"]:,.0f}',
    )


def _policy_row(result: dict, level: str) -> tuple[str, ...]:
    return (level, *(_lift(result['policies'][policy][level]['lift_over_uniform']) for policy in POLICIES))


def _calibration_rows(calibration: dict) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.replace('_', ' '), _plain(value))
        for name, value in calibration.items()
        if name not in ('groups', 'problem')
    )


def _lift(estimate: dict | None) -> str:
    if estimate is None or estimate['value'] is None:
        return _UNKNOWN
    if estimate['low'] is None:
        return f'{percent(estimate["value"])} % (no interval)'
    return f'{percent(estimate["value"])} % ({percent(estimate["low"])} to {percent(estimate["high"])})'


def _rate(value: float | None) -> str:
    return _UNKNOWN if value is None else f'{value * 100:.2f} %'


def _plain(value: float | None) -> str:
    return _UNKNOWN if value is None else f'{value:.4g}'
