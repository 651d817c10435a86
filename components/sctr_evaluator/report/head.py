"""The first screen of the report: the verdict with its reasons, the problems and the main figures."""

from datetime import UTC, datetime
from typing import NamedTuple

from components.sctr_evaluator.policies import OVERALL
from components.sctr_evaluator.report.charts.forest import ink_of, interval_text


class Tile(NamedTuple):
    """One of the main figures, with its name and a note."""

    name: str
    value: str
    note: str = ''


class Head(NamedTuple):
    """The first screen.

    Attributes:
        tone: The colour of the verdict: 'good', 'bad' or 'forced'.
        verdict: The verdict in a few words.
        sentence: The measurement behind the verdict.
        reasons: The results of the rules, [{passed, sentence}].
        problems: The sentences to read before any figure.
        tiles: The main figures.
    """

    tone: str
    verdict: str
    sentence: str
    reasons: list[dict]
    problems: list[str]
    tiles: list[Tile]


def head_of(result: dict) -> Head:
    """Builds the head of an evaluation; see `results.evaluation.evaluate`."""
    verdict = result['verdict']
    tone, text = _verdict(verdict)
    return Head(tone, text, _sentence(result), verdict['reasons'], result['problems'], _tiles(result))


def day(timestamp: int | None) -> str:
    """Formats the day (UTC) of a timestamp in milliseconds since the epoch, '-' if it is None."""
    return '-' if timestamp is None else f'{datetime.fromtimestamp(timestamp / 1000, UTC):%Y-%m-%d}'


def overall_of(result: dict) -> dict:
    """Returns the overall figures of the blessing policy."""
    return result['policies'][result['config']['blessing_policy']][OVERALL]


def _verdict(verdict: dict) -> tuple[str, str]:
    if verdict['forced'] is not None:
        met = 'are met all the same' if verdict['passed'] else 'are not met'
        return 'forced', f'Blessed by force: {verdict["forced"]}. The rules {met}.'
    if verdict['blessed']:
        return 'good', 'Blessed: the model may serve.'
    return 'bad', 'Not blessed: the model must not serve.'


def _sentence(result: dict) -> str:
    first, last = day(result['first_timestamp']), day(result['last_timestamp'])
    days = first if first == last else f'{first} to {last}'
    measured = f'measured on {result["rows"]:,} rows of uniform traffic, {days}.'
    lift = overall_of(result)['lift_over_uniform']
    if lift['value'] is None:
        return f'How much the model gains over chance is not known ({lift["problem"]}); {measured}'
    more = 'more' if lift['value'] >= 0 else 'fewer'
    luck = '' if ink_of(lift) != 'muted' else ', which may be luck'
    return (
        f'One component at a time, the model gets {abs(lift["value"]) * 100:.1f} % {more} clicks per '
        f'impression than chance{luck} (policy {result["config"]["blessing_policy"]}); {measured}'
    )


def _tiles(result: dict) -> list[Tile]:
    overall = overall_of(result)
    confidence = f'{result["config"]["confidence"] * 100:g} % interval'
    tiles = [_lift_tile('Lift over chance', overall['lift_over_uniform'], confidence)]
    if overall['lift_over_serving'] is not None:
        tiles.append(_lift_tile('Lift over the serving model', overall['lift_over_serving'], confidence))
    ctr = '-' if result['ctr'] is None else f'{result["ctr"] * 100:.2f} %'
    clicks = f'{result["clicks"]:,.0f} clicks in {result["impressions"]:,.0f} impressions'
    size = f'{overall["effective_sample_size"]:,.0f}'
    return [
        *tiles,
        Tile('CTR of uniform traffic', ctr, clicks),
        Tile('Effective sample size', size, 'impressions of the policy that would be as informative'),
    ]


def _lift_tile(name: str, estimate: dict, confidence: str) -> Tile:
    value, _, interval = interval_text(estimate).partition(' % ')
    known = estimate['low'] is not None
    return Tile(
        name, f'{value} %' if interval else value, f'{confidence} {interval.strip("()")} %' if known else ''
    )
