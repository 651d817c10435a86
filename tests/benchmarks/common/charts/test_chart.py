"""Charts are well-formed, and points lie where their figures say."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.common.charts.chart import Point, chart, round_ticks

SERIES = {
    'genco': [Point(0.1, 0.05, 0.15), Point(0.2, 0.18, 0.22)],
    'a < b': [Point(0.05, -0.05, 0.1), Point(0.1, 0.1, 0.1)],
}


def _svg():
    page = chart('Lift & more', 'share', ['2%', '5%'], SERIES).replace('<!DOCTYPE html>', '')
    return ElementTree.fromstring(page.replace('<meta charset="utf-8">', '')).find('body/svg')


def test_every_series_and_category_is_named():
    texts = {element.text for element in _svg().iter('text')}
    assert {'genco', 'a < b', '2%', '5%', 'share'} <= texts


def test_heights_are_proportional_to_figures():
    centres = [float(circle.get('cy')) for circle in _svg().iter('circle')]
    first, second, low, middle = centres
    assert middle == pytest.approx(first) and second < first < low
    assert (low - middle) / (first - second) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    'bottom, top, ticks',
    [
        (-0.05, 0.22, [-0.1, 0.0, 0.1, 0.2, 0.3]),
        (0.0, 1.468, [0.0, 0.5, 1.0, 1.5]),
        (0.0, 0.2, [0.0, 0.05, 0.1, 0.15, 0.2]),
        (0.0, 0.0, [0.0, 0.2]),
    ],
)
def test_ticks_are_round_and_hold_all_figures(bottom, top, ticks):
    assert round_ticks(bottom, top) == pytest.approx(ticks)
