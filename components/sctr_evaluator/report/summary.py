"""An evaluation as text tables, in plain Python without TensorFlow or TFX."""

from collections.abc import Iterable
from typing import NamedTuple

from components.sctr_evaluator.estimators.importance_weights import COMBINATION_ESTIMATORS
from components.sctr_evaluator.policies import OVERALL, POLICIES
from components.sctr_evaluator.results.blessing import percent

_UNKNOWN = '-'
_MOST_SKEWED = 10


class TextTable(NamedTuple):
    """A table of text with a title and column heads."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def headline(result: dict) -> str:
    """Says in one sentence what was measured and in another what the verdict is."""
    verdict = result['verdict']
    ctr = '' if result['ctr'] is None else f', CTR {result["ctr"] * 100:.2f} %'
    measured = f'{result["rows"]:,} rows of uniform traffic{ctr}.'
    if verdict['forced'] is not None:
        passed = 'are' if verdict['passed'] else 'are NOT'
        return f'{measured} The blessing is FORCED: {verdict["forced"]}. The rules {passed} met.'
    return f'{measured} The model is {"blessed" if verdict["blessed"] else "not blessed"}.'


def problems(result: dict) -> list[str]:
    """Lists the sentences to read before any figure."""
    return [f'WARNING: {problem}' for problem in result['problems']]


def reasons(result: dict) -> list[str]:
    """Lists the reasons of the verdict."""
    return [reason['sentence'] for reason in result['verdict']['reasons']]


def tables(result: dict) -> list[TextTable]:
    """Builds the tables by component, policy, estimator and slice, and those about f_comb and the log."""
    return [
        _by_component(result),
        _by_policy(result),
        _by_estimator(result),
        _whole(result),
        *_choices(result),
        *(_slicing(result, slicing) for slicing in result['slices']),
        TextTable(
            'Predicted CTR of what was shown', ('figure', 'value'), _calibration_rows(result['calibration'])
        ),
        TextTable(
            'Mean attention weight of what was shown',
            ('component', 'weight'),
            tuple((name, _plain(weight)) for name, weight in result['attention'].items()),
        ),
        _log(result),
        *_skew(result),
    ]


def to_markdown(result: dict) -> str:
    """Returns the whole summary as a Markdown document."""
    parts = ['# Calibrated sCTR', headline(result)]
    parts += [
        '\n'.join(f'- {line}' for line in lines) for lines in (problems(result), reasons(result)) if lines
    ]
    for table in tables(result):
        lines = [table.columns, ['---'] * len(table.columns), *table.rows]
        parts += [f'## {table.title}', '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines)]
    return '\n\n'.join(parts) + '\n'


def _cell(text: str) -> str:
    """Escapes a text for a cell of a Markdown table: feature values may contain a vertical bar or a line break."""
    return ' '.join(text.replace('|', '\\|').split())


def _levels(result: dict) -> list[str]:
    return [*result['components'], OVERALL]


def _interval(result: dict) -> str:
    return f'{result["config"]["confidence"] * 100:g} % interval'


def _policy(result: dict) -> str:
    return result['config']['blessing_policy']


def _by_component(result: dict) -> TextTable:
    lift = f'lift over uniform, {_interval(result)}'
    return TextTable(
        f'Policy {_policy(result)} by component',
        ('', 'sCTR', 'uniform', lift, 'bootstrap', 'over serving', 'match rate', 'effective rows'),
        tuple(
            (level, *_component_row(result['policies'][_policy(result)][level], result['uniform'][level]))
            for level in _levels(result)
        ),
    )


def _component_row(figures: dict, uniform: dict) -> tuple[str, ...]:
    return (
        _rate(figures['sctr']['value']),
        _rate(uniform['sctr']['value']),
        _lift(figures['lift_over_uniform']),
        _bounds(figures['lift_over_uniform']['bootstrap']),
        _lift(figures['lift_over_serving']),
        _rate(figures['match_rate']),
        f'{figures["effective_sample_size"]:,.0f}',
    )


def _by_policy(result: dict) -> TextTable:
    return TextTable(
        f'Lift over uniform of all policies, {_interval(result)}',
        ('', *POLICIES),
        tuple(
            (level, *(_lift(result['policies'][policy][level]['lift_over_uniform']) for policy in POLICIES))
            for level in _levels(result)
        ),
    )


def _by_estimator(result: dict) -> TextTable:
    estimators = result['policies'][_policy(result)]
    return TextTable(
        f'Lift over uniform of {_policy(result)} by estimator, {_interval(result)}',
        ('', 'sCTR', 'IPS', 'DR', 'DM (the model itself)'),
        tuple(
            (
                level,
                _lift(estimators[level]['lift_over_uniform']),
                *(
                    _lift(estimators[level]['estimators'][name]['lift_over_uniform'])
                    for name in ('ips', 'dr', 'dm')
                ),
            )
            for level in _levels(result)
        ),
    )


def _whole(result: dict) -> TextTable:
    return TextTable(
        f'Lift over uniform of whole combinations, {_interval(result)}',
        ('', *COMBINATION_ESTIMATORS),
        tuple(
            (
                policy,
                *(
                    _lift(result['combinations'][policy][e]['lift_over_uniform'])
                    for e in COMBINATION_ESTIMATORS
                ),
            )
            for policy in POLICIES
        ),
    )


def _choices(result: dict) -> Iterable[TextTable]:
    choices = result['choices']
    if choices is None:
        return
    yield TextTable(
        f'Choices of {choices["file"]} ({choices["matched_rows"]:,} rows)',
        (
            '',
            'sCTR',
            'uniform',
            f'lift over uniform, {_interval(result)}',
            'bootstrap',
            'match rate',
            'effective rows',
        ),
        tuple(
            (level, *_without_serving(_component_row(figures, choices['uniform'][level])))
            for level, figures in choices['levels'].items()
        ),
    )


def _without_serving(row: tuple[str, ...]) -> tuple[str, ...]:
    return row[:4] + row[5:]


def _slicing(result: dict, slicing: dict) -> TextTable:
    rest = slicing['rest']
    left = f', {rest["values"]:,} more values ({rest["rows"]:,} rows) left out' if rest['values'] else ''
    return TextTable(
        f'Lift over uniform of {_policy(result)} by {" x ".join(slicing["by"])}, {_interval(result)}{left}',
        ('', 'rows', *_levels(result)),
        tuple(
            (
                ', '.join(part['value']),
                f'{part["rows"]:,}',
                *(_lift(part['levels'][level]['lift_over_uniform']) for level in _levels(result)),
            )
            for part in slicing['values']
        ),
    )


def _calibration_rows(calibration: dict) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.replace('_', ' '), _plain(value))
        for name, value in calibration.items()
        if name not in ('groups', 'problem')
    )


def _log(result: dict) -> TextTable:
    return TextTable(
        'Is the log what it claims to be?',
        ('component', 'p', 'deviation', 'ads'),
        tuple(
            (name, _plain(check['p_value']), _rate(check['deviation']), f'{check["ads"]:,}')
            for name, check in result['uniformity']['components'].items()
        ),
    )


def _skew(result: dict) -> Iterable[TextTable]:
    if result['skew']:
        yield TextTable(
            'Distance of the test days from the train days (Jensen-Shannon, 0 to 1)',
            ('feature', 'distance', 'by chance'),
            tuple(
                (row['feature'], _plain(row['distance']), _plain(row['by_chance']))
                for row in result['skew'][:_MOST_SKEWED]
            ),
        )


def _lift(estimate: dict | None) -> str:
    if estimate is None or estimate['value'] is None:
        return _UNKNOWN
    if estimate['low'] is None:
        return f'{percent(estimate["value"])} % (no interval)'
    return f'{percent(estimate["value"])} % {_bounds(estimate)}'


def _bounds(interval: dict | None) -> str:
    if interval is None or interval['low'] is None:
        return _UNKNOWN
    return f'({percent(interval["low"])} to {percent(interval["high"])})'


def _rate(value: float | None) -> str:
    return _UNKNOWN if value is None else f'{value * 100:.2f} %'


def _plain(value: float | None) -> str:
    return _UNKNOWN if value is None else f'{value:.4g}'
