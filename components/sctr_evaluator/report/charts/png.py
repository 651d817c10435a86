"""Writes drawings as PNG, on white and twice as large as on the page."""

import io

from PIL import Image, ImageDraw, ImageFont

from components.sctr_evaluator.report.charts.shapes import FONT_SIZE, Box, Dot, Drawing, Line, Shape, Text

_SCALE = 2
_MARGIN = 12
_COLOURS = {
    'text': (27, 31, 36),
    'muted': (98, 107, 118),
    'line': (208, 215, 222),
    'accent': (27, 108, 168),
    'good': (26, 127, 75),
    'bad': (193, 55, 63),
    'heat': (27, 108, 168),
}
_WHITE = (255, 255, 255)
_DASH = 4
_ANCHORS = {'start': 'ls', 'middle': 'ms', 'end': 'rs'}


def to_png(drawing: Drawing) -> bytes:
    """Returns the content of a PNG file. The font that comes with Pillow has only Latin letters."""
    size = [round(_SCALE * (length + 2 * _MARGIN)) for length in (drawing.width, drawing.height)]
    image = Image.new('RGB', size, _WHITE)
    for shape in drawing.shapes:
        _draw(image, shape)
    content = io.BytesIO()
    image.save(content, 'PNG', optimize=True)
    return content.getvalue()


def _pixels(*lengths: float) -> list[float]:
    return [_SCALE * (length + _MARGIN) for length in lengths]


def _draw(image: Image.Image, shape: Shape) -> None:
    brush, colour = ImageDraw.Draw(image), _COLOURS[shape.ink]
    match shape:
        case Line():
            _line(brush, shape)
        case Dot(x, y, radius, _, hollow):
            x, y = _pixels(x, y)
            brush.circle((x, y), _SCALE * radius, _WHITE if hollow else colour, colour, 2 * _SCALE)
        case Box(x, y, width, height, _, strength):
            blended = tuple(round(255 + strength * (c - 255)) for c in colour)
            brush.rectangle(_pixels(x, y, x + width, y + height), blended)
        case Text():
            _text(image, brush, shape)


def _line(brush: ImageDraw.ImageDraw, line: Line) -> None:
    x1, y1, x2, y2 = _pixels(line.x1, line.y1, line.x2, line.y2)
    length = max(abs(x2 - x1), abs(y2 - y1))
    pieces = max(1, round(length / (2 * _SCALE * _DASH))) if line.dashed else 1
    share = 0.5 if line.dashed else 1.0
    for piece in range(pieces):
        start, end = piece / pieces, (piece + share) / pieces
        ends = [x1 + start * (x2 - x1), y1 + start * (y2 - y1), x1 + end * (x2 - x1), y1 + end * (y2 - y1)]
        brush.line(ends, _COLOURS[line.ink], round(_SCALE * line.width))


def _text(image: Image.Image, brush: ImageDraw.ImageDraw, text: Text) -> None:
    font = ImageFont.load_default(_SCALE * FONT_SIZE)
    x, y = _pixels(text.x, text.y)
    colour, stroke = _COLOURS[text.ink], 0.6 if text.bold else 0
    if not text.upright:
        brush.text((x, y), text.text, colour, font, _ANCHORS[text.anchor], stroke_width=stroke)
        return
    width, height = round(font.getlength(text.text)) + 2, 2 * _SCALE * FONT_SIZE
    mask = Image.new('L', (width, height))
    ImageDraw.Draw(mask).text((0, height / 2), text.text, 255, font, 'ls', stroke_width=stroke)
    turned = mask.rotate(90, expand=True)
    image.paste(colour, (round(x - height / 2), round(y - width)), turned)
