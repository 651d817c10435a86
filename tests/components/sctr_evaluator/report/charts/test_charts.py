"""The calibration chart and the heat map."""

import math

import pytest

from components.sctr_evaluator.report.charts.calibration_chart import calibration_chart
from components.sctr_evaluator.report.charts.heat_chart import heat_chart
from components.sctr_evaluator.report.charts.shapes import Box, Dot, Line, Text


def _group(predicted, observed, share=0.5):
    return {'share': share, 'predicted_ctr': predicted, 'observed_ctr': observed}


@pytest.mark.parametrize('width', [300, 760])
def test_a_calibrated_group_is_on_the_diagonal(width):
    drawing = calibration_chart([_group(0.1, 0.1), _group(0.3, 0.2)], 1000, width)
    diagonal = next(shape for shape in drawing.shapes if isinstance(shape, Line) and shape.dashed)
    right, wrong = (shape for shape in drawing.shapes if isinstance(shape, Dot))
    slope = (diagonal.y2 - diagonal.y1) / (diagonal.x2 - diagonal.x1)
    assert right.y - diagonal.y1 == pytest.approx(slope * (right.x - diagonal.x1))
    assert wrong.y > diagonal.y1 + slope * (wrong.x - diagonal.x1) + 10
    assert drawing.width <= width


def test_whiskers_are_wilsons_intervals():
    drawing = calibration_chart([_group(0.2, 0.2, share=1.0)], 100, 460)
    (dot,) = (shape for shape in drawing.shapes if isinstance(shape, Dot))
    whisker = next(shape for shape in drawing.shapes if isinstance(shape, Line) and shape.width == 1.5)
    pixels = (dot.x - 66) / 0.2 * (300 - 10 - 46) / (460 - 66 - 24)  # per CTR
    # Both ends solve (p - observed)^2 = z^2 p (1 - p) / n.
    for y in (whisker.y1, whisker.y2):
        p = 0.2 + (dot.y - y) / pixels
        assert abs(p - 0.2) == pytest.approx(1.96 * math.sqrt(p * (1 - p) / 100), rel=1e-6)


def test_no_click_at_all_can_be_drawn():
    assert calibration_chart([_group(0.0, 0.0, 1.0)], 1, 300).shapes


def test_the_largest_weight_is_the_strongest_and_an_unknown_one_a_dash():
    rows = {'phone': {'title': 0.5, 'image': 0.25}, 'toys': {'title': None, 'image': 0.1}}
    drawing = heat_chart('attention', ['title', 'image'], rows, 300)
    boxes = [shape.strength for shape in drawing.shapes if isinstance(shape, Box)]
    assert boxes == pytest.approx([0.6, 0.3, 0.12])
    texts = [shape.text for shape in drawing.shapes if isinstance(shape, Text)]
    assert texts == ['title', 'image', 'phone', '50', '25', 'toys', '-', '10']


def test_many_components_make_the_map_wider_than_asked_but_readable():
    names = [f'component {i}' for i in range(20)]
    drawing = heat_chart('attention', names, {'all': dict.fromkeys(names)}, 300)
    assert drawing.width == 90 + 20 * 32
