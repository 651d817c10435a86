"""Charts over time are well-formed, and lines lie where their figures say."""

import xml.etree.ElementTree as ElementTree

from benchmarks.common.charts.timeline_chart import timeline_chart


def _svg():
    page = timeline_chart(
        'a < b', 'ms', [0.0, 5.0, 10.0], {'p50': [0, 5, 10], 'max': [10, 10, 20]}, {'swap': 5.0}
    )
    return ElementTree.fromstring(page.replace('<!DOCTYPE html>', '')).find('body/svg')


def test_names_and_units_are_shown():
    texts = {element.text for element in _svg().iter('text')}
    assert {'p50', 'max', 'swap', '20 ms', '10 s'} <= texts


def test_lines_start_at_zero_and_are_proportional():
    p50, largest = (
        [tuple(map(float, point.split(','))) for point in line.get('points').split()]
        for line in _svg().iter('polyline')
    )
    (x0, bottom), (x1, middle), (x2, high) = p50
    assert abs((x2 - x1) - (x1 - x0)) < 0.2 and abs((bottom - middle) - (middle - high)) < 0.2
    assert abs((bottom - largest[2][1]) - 2 * (bottom - high)) < 0.2


def test_an_event_is_a_vertical_line_at_its_second():
    (line,) = [line for line in _svg().iter('line') if line.get('stroke-dasharray')]
    (middle,) = {point.split(',')[0] for point in next(_svg().iter('polyline')).get('points').split()[1:2]}
    assert line.get('x1') == line.get('x2') == middle
