"""Drawings as SVG, read by an XML parser."""

from xml.etree import ElementTree

from components.sctr_evaluator.report.charts.shapes import Box, Dot, Drawing, Line, Text
from components.sctr_evaluator.report.charts.svg import to_svg


def _elements(*shapes, label='a chart'):
    return list(ElementTree.fromstring(to_svg(Drawing(label, 100, 50, shapes))))


def test_every_shape_is_an_element():
    line, dot, ring, box, text = _elements(
        Line(1, 2, 3, 4, 'good', dashed=True),
        Dot(5, 6, 3),
        Dot(5, 6, 3, 'bad', hollow=True),
        Box(1, 2, 30, 40, strength=0.25),
        Text(7, 8, 'title', anchor='end', bold=True),
    )
    assert line.attrib == {
        'class': 's-good', 'x1': '1.0', 'y1': '2.0', 'x2': '3.0', 'y2': '4.0',
        'stroke-width': '1', 'stroke-dasharray': '4 4',
    }  # fmt: skip
    assert dot.get('class') == 'f-accent' and ring.get('class') == 'hollow s-bad'
    assert box.get('fill-opacity') == '0.25' and box.get('width') == '30.0'
    assert text.text == 'title' and text.get('text-anchor') == 'end' and text.get('font-weight') == '600'


def test_upright_text_is_turned_about_its_start():
    (text,) = _elements(Text(7, 8, 'title', upright=True))
    assert text.get('transform') == 'rotate(-90 7.0 8.0)'


def test_text_and_label_are_escaped():
    bad = '"><script>alert(1)</script>&'
    drawing = to_svg(Drawing(bad, 10, 10, (Text(0, 0, bad),)))
    assert '<script' not in drawing
    root = ElementTree.fromstring(drawing)
    assert root.get('aria-label') == bad and root[0].text == bad
