"""Drawings as PNG, read back."""

import io

import numpy as np
from PIL import Image

from components.sctr_evaluator.report.charts.png import to_png
from components.sctr_evaluator.report.charts.shapes import Box, Dot, Drawing, Line, Text

MARGIN, SCALE = 12, 2


def _pixels(*shapes):
    image = Image.open(io.BytesIO(to_png(Drawing('', 100, 50, shapes))))
    assert image.format == 'PNG'
    return np.asarray(image)


def _at(pixels, x, y):
    return tuple(pixels[SCALE * (y + MARGIN), SCALE * (x + MARGIN)].tolist())


def _inked(pixels):
    """Columns and rows, in units of the drawing, of what is not white."""
    rows, columns = np.nonzero((pixels < 200).any(2))
    return columns / SCALE - MARGIN, rows / SCALE - MARGIN


def test_size_is_twice_that_of_the_drawing_with_margins():
    assert _pixels().shape == (SCALE * (50 + 2 * MARGIN), SCALE * (100 + 2 * MARGIN), 3)


def test_shapes_are_where_they_should_be():
    pixels = _pixels(
        Line(10, 10, 90, 10, 'good', 3), Dot(50, 30, 5, 'bad'), Dot(80, 30, 5, 'bad', hollow=True)
    )
    assert _at(pixels, 50, 10) == (26, 127, 75)
    assert _at(pixels, 50, 30) == (193, 55, 63)
    assert _at(pixels, 80, 30) == _at(pixels, 5, 45) == (255, 255, 255)


def test_a_dashed_line_is_about_half_of_a_line():
    whole, dashed = (
        (_pixels(Line(0, 10, 100, 10, 'text', 2, dashed)) < 200).any(2).sum() for dashed in (False, True)
    )
    assert 0.4 < dashed / whole < 0.6


def test_a_weaker_box_is_paler():
    strong, weak = (_at(_pixels(Box(0, 0, 20, 20, strength=strength)), 10, 10) for strength in (1.0, 0.25))
    assert strong == (27, 108, 168) and weak == (198, 218, 233)


def test_text_is_written_from_its_anchor_and_upright_text_upwards():
    x, y = _inked(_pixels(Text(50, 30, 'title', anchor='end')))
    assert x.max() <= 51 and x.min() < 35 and y.max() <= 34
    x, y = _inked(_pixels(Text(50, 40, 'title', upright=True)))
    assert 35 < x.min() and x.max() <= 54
    assert y.max() <= 41 and y.min() < 25
