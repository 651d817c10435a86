"""The sections of the report below its head: sentences, charts and tables of this and past evaluations."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from components.sctr_evaluator.config import CANDIDATES, DAY
from components.sctr_evaluator.policies import OVERALL, POLICIES
from components.sctr_evaluator.report.charts.calibration_chart import calibration_chart
from components.sctr_evaluator.report.charts.forest import Row, forest
from components.sctr_evaluator.report.charts.heat_chart import heat_chart
from components.sctr_evaluator.report.charts.shapes import Drawing
from components.sctr_evaluator.report.head import day, overall_of
from components.sctr_evaluator.report.summary import TextTable

_UNIFORM, _SERVING = 'lift_over_uniform', 'lift_over_serving'
_ESTIMATORS = {'ips': 'IPS', 'dr': 'doubly robust', 'dm': 'the model'}
_WHOLE = {
    'replay': 'replay',
    'pi': 'pseudo-inverse',
    'dr': 'doubly robust',
    'dm': 'the model',
}
_COLOURS = (
    'Green: the interval is above zero. Red: it is below zero. Grey: it contains zero or is not known, so no '
    'difference is shown.'
)
_MOST_SKEWED = 3


class Past(NamedTuple):
    """An evaluation from the history of the pipeline.

    Attributes:
        model: The name of the model.
        result: The content of its `evaluation.json`.
    """

    model: str
    result: dict


class Figure(NamedTuple):
    """A chart, which can be drawn at any width in pixels; `name` is the stem of its PNG file."""

    name: str
    caption: str
    draw: Callable[[float], Drawing]


class Section(NamedTuple):
    """A section of the report."""

    title: str
    sentences: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[TextTable, ...] = ()


def sections_of(result: dict, history: Sequence[Past]) -> list[Section]:
    """Builds all sections for which there is something to show.

    Args:
        result: The evaluation; see `results.evaluation.evaluate`.
        history: The evaluations of the pipeline including this one, oldest first; may be empty.
    """
    return [
        _lifts(result),
        *_slices(result),
        *_choices(result),
        _calibration(result),
        _attention(result),
        _reliability(result),
        _policies(result),
        *_history(history),
    ]


def _lifts(result: dict) -> Section:
    levels = result['policies'][result['config']['blessing_policy']]
    figures = [_forest('lift', 'Lift over choosing at random', _levels(levels, _UNIFORM))]
    if result['serving'] is not None:
        rows = _levels(levels, _SERVING)
        figures.append(_forest('lift_over_serving', 'Lift over the model that serves now', rows))
    return Section(
        'Lift of each component',
        ('The lift in CTR if the model chose this component and the others were chosen at random.', _COLOURS),
        tuple(figures),
    )


def _forest(name: str, caption: str, rows: Sequence[Row]) -> Figure:
    return Figure(name, caption, lambda width: forest(caption, rows, width))


def _levels(levels: dict[str, dict], key: str) -> list[Row]:
    return [Row(name, figures[key], bold=name == OVERALL) for name, figures in levels.items()]


def _slices(result: dict) -> Iterator[Section]:
    """Yields the section by number of candidates, then one with all other slices."""
    for slicing in result['slices']:
        if slicing['by'] == [CANDIDATES]:
            rows = list(_bracket_rows(slicing, result))
            sentence = 'The more there is to choose from, the more a good choice can gain.'
            figure = _forest('lift_by_candidates', 'Lift over chance', rows)
            yield Section('Lift by number of candidates', (sentence,), (figure,))
    figures = [
        _slice_figure(number, slicing)
        for number, slicing in enumerate(result['slices'])
        if slicing['by'] != [CANDIDATES]
    ]
    if figures:
        sentence = 'Overall lift over chance. One in twenty intervals misses the truth: look for patterns.'
        yield Section('Lift by slice', (sentence,), tuple(figures))


def _bracket_rows(slicing: dict, result: dict) -> Iterator[Row]:
    for component in result['components']:
        yield Row(component)
        for part in slicing['values']:
            bracket = result['brackets'][component][part['value'][0]]
            yield Row(bracket, part['levels'][component][_UNIFORM])


def _slice_figure(number: int, slicing: dict) -> Figure:
    by, rest = ' and '.join(slicing['by']), slicing['rest']
    left = f'; {rest["values"]:,} more values ({rest["rows"]:,} rows) are left out' if rest['values'] else ''
    rows = [Row(', '.join(part['value']), part['levels'][OVERALL][_UNIFORM]) for part in slicing['values']]
    return _forest(f'lift_by_slice_{number}', f'By {by}{left}', rows)


def _choices(result: dict) -> Iterator[Section]:
    choices = result['choices']
    if choices is None:
        return
    yield Section(
        'Choices from outside',
        (
            f'{choices["file"]} has a choice for {choices["matched_rows"]:,} rows, and none for '
            f'{choices["unmatched_rows"]:,}.',
        ),
        (_forest('choices', 'Lift of these choices over chance', _levels(choices['levels'], _UNIFORM)),),
    )


def _calibration(result: dict) -> Section:
    found = result['calibration']
    if 'groups' not in found:
        return Section('Predicted and observed CTR', (f'Not known: {found["problem"]}.',))
    sentences = [f'The mean predicted CTR is {found["predicted_ctr"] * 100:.2f} %, the observed CTR '
                 f'{found["observed_ctr"] * 100:.2f} %.']  # fmt: skip
    if found['problem'] is None:
        sentences.append(
            f'AUC {found["auc"]:.3f}, log loss {found["log_loss"]:.4f}, expected calibration error '
            f'{found["expected_calibration_error"] * 100:.2f} percentage points.'
        )
    caption = (
        'Observed against predicted CTR in groups of about equally many impressions, with the 95 % interval that '
        'independent impressions would have. On the dashed line, the predicted CTR is the observed CTR.'
    )
    figure = Figure(
        'calibration', caption, lambda width: calibration_chart(found['groups'], result['impressions'], width)
    )
    return Section('Predicted and observed CTR', tuple(sentences), (figure,))


def _attention(result: dict) -> Section:
    sentence = (
        'How much each component of the shown combination contributes to the predicted CTR (mean attention '
        'weight, in percent). In rows where a component is absent, the others share its weight.'
    )
    figures = [
        _heat(
            f'attention_{number}',
            f'By {slicing["by"][0]}',
            {part['value'][0]: part['attention'] for part in slicing['values']}
            | {OVERALL: result['attention']},
            result['components'],
        )
        for number, slicing in enumerate(result['slices'])
        if len(slicing['by']) == 1 and slicing['by'][0] not in (CANDIDATES, DAY)
    ]
    if not figures:
        figures = [_heat('attention', 'All rows', {OVERALL: result['attention']}, result['components'])]
    return Section('Attention', (sentence,), tuple(figures))


def _heat(name: str, caption: str, rows: dict[str, dict], components: Sequence[str]) -> Figure:
    return Figure(name, caption, lambda width: heat_chart(f'Attention, {caption}', components, rows, width))


def _reliability(result: dict) -> Section:
    policy = result['config']['blessing_policy']
    checks = result['uniformity']['components']
    rows = tuple(
        (level, *_reliability_row(figures, checks.get(level)))
        for level, figures in result['policies'][policy].items()
    )
    goal = f'rows to find {result["config"]["lift_to_find"] * 100:+g} %'
    table = TextTable(
        f'How much the log can tell about {policy}',
        ('', 'match rate', 'effective rows', goal, 'p of the check', 'deviation'),
        rows,
    )
    sentence = result['uniformity']['sentence']
    return Section(
        'Can the log be trusted?', (f'{sentence[:1].upper()}{sentence[1:]}.', *_skew(result)), tables=(table,)
    )


def _reliability_row(figures: dict, check: dict | None) -> tuple[str, ...]:
    check = check or {'p_value': None, 'deviation': None}
    return (
        _share(figures['match_rate']),
        f'{figures["effective_sample_size"]:,.0f}',
        _about(figures['rows_needed']),
        '-' if check['p_value'] is None else f'{check["p_value"]:.2g}',
        _share(check['deviation']),
    )


def _share(value: float | None) -> str:
    return '-' if value is None else f'{value * 100:.1f} %'


def _about(value: float | None) -> str:
    """Formats a number to two significant digits; more would suggest a precision that it lacks."""
    return '-' if value is None else f'{float(f"{value:.2g}"):,.0f}'


def _skew(result: dict) -> Iterator[str]:
    if result['skew']:
        most = ', '.join(
            f'{row["feature"]} {row["distance"]:.3f} ({row["by_chance"]:.3f})'
            for row in result['skew'][:_MOST_SKEWED]
        )
        yield (
            f'The features that differ most between the test days and the train days: {most}. A distance of 0 '
            'means equal distributions, 1 means no value in common; the distance expected by chance, if rows '
            'were independent, is in brackets.'
        )


def _policies(result: dict) -> Section:
    policy = result['config']['blessing_policy']
    rows = [Row('Policies')]
    rows += [Row(name, result['policies'][name][OVERALL][_UNIFORM]) for name in POLICIES]
    rows.append(Row(f'{policy} by other estimators'))
    rows += _estimator_rows(overall_of(result)['estimators'], _ESTIMATORS)
    whole = _estimator_rows(result['combinations'][policy], _WHOLE)
    return Section(
        'All policies and estimators',
        (
            'greedy: the element with the highest f_ele. sampled: a draw from the generator; '
            'sampled_expectation: the mean over all draws. combination: the random combination with the '
            'highest f_comb. two_stage: the choice that the server makes.',
            'If estimators differ by more than their intervals, an assumption does not hold. A ring marks '
            "the model's own prediction, which is not a measurement.",
        ),
        (
            _forest('policies', 'Overall lift over chance, one component at a time', rows),
            _forest('combinations', f'Lift of whole combinations of {policy} over chance', whole),
        ),
    )


def _estimator_rows(found: dict[str, dict], names: dict[str, str]) -> list[Row]:
    return [Row(text, found[name][_UNIFORM], hollow=name == 'dm') for name, text in names.items()]


def _history(history: Sequence[Past]) -> Iterator[Section]:
    if not history:
        return
    rows = [
        Row(
            f'{past.model}, {day(past.result["last_timestamp"])}',
            overall_of(past.result)[_UNIFORM],
            hollow=not past.result['verdict']['blessed'],
        )
        for past in reversed(history)
    ]
    sentence = (
        'Overall lift over chance of the models of this pipeline, newest first, each on its own test days, '
        'the last of which is named. A filled dot marks a blessed model, a ring one that was not blessed.'
    )
    yield Section('Past models', (sentence,), (_forest('history', 'Lift over chance', rows),))
