"""Charts as lists of shapes, drawn by `svg` and `png`; sizes are in pixels and colours have names."""

import unicodedata
from typing import Literal, NamedTuple

Ink = Literal['text', 'muted', 'line', 'accent', 'good', 'bad', 'heat']
Anchor = Literal['start', 'middle', 'end']

FONT_SIZE = 13
# Upper bounds of the widths of letters in common sans-serif fonts, as shares of the font size.
_THIN, _DIGIT, _COMMON, _BROAD, _EAST_ASIAN = 0.42, 0.64, 0.68, 1.0, 1.05
_THIN_LETTERS, _BROAD_LETTERS = frozenset("fijlrtI.,:;'|!()[]-/ "), frozenset('mwMW%+@…')


class Line(NamedTuple):
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    ink: Ink = 'line'
    width: float = 1.0
    dashed: bool = False


class Dot(NamedTuple):
    """A disc, or a ring if `hollow`."""

    x: float
    y: float
    radius: float
    ink: Ink = 'accent'
    hollow: bool = False


class Box(NamedTuple):
    """A filled rectangle; `strength`, from 0 to 1, is its opacity."""

    x: float
    y: float
    width: float
    height: float
    ink: Ink = 'heat'
    strength: float = 1.0


class Text(NamedTuple):
    """A line of text on the baseline y; `upright` text runs from bottom to top."""

    x: float
    y: float
    text: str
    ink: Ink = 'text'
    anchor: Anchor = 'start'
    bold: bool = False
    upright: bool = False


Shape = Line | Dot | Box | Text


class Drawing(NamedTuple):
    """A chart.

    Attributes:
        label: A description of the chart for readers who cannot see it.
        width, height: The size in pixels.
        shapes: The shapes in the order in which they are drawn.
    """

    label: str
    width: float
    height: float
    shapes: tuple[Shape, ...]


def text_width(text: str) -> float:
    """Estimates the width of a text in pixels; rather too large than too small."""
    return FONT_SIZE * sum(map(_share, text))


def fitted(text: str, width: float) -> str:
    """Returns the text on one line, cut off with an ellipsis if it is wider than `width` pixels."""
    text = ' '.join(text.split())
    if text_width(text) <= width:
        return text
    while text and text_width(text + '…') > width:
        text = text[:-1]
    return text + '…'


def _share(letter: str) -> float:
    if letter in _THIN_LETTERS:
        return _THIN
    if letter in _BROAD_LETTERS:
        return _BROAD
    if letter.isdigit():
        return _DIGIT
    return _EAST_ASIAN if unicodedata.east_asian_width(letter) in 'WF' else _COMMON
