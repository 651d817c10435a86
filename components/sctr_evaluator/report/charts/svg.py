"""Writes drawings as SVG, with colours as classes of the page's style sheet, to follow its light or dark mode."""

from html import escape

from components.sctr_evaluator.report.charts.shapes import FONT_SIZE, Box, Dot, Drawing, Line, Shape, Text


def to_svg(drawing: Drawing) -> str:
    """Returns an `svg` element in which all text is escaped."""
    size = f'{drawing.width:g}" height="{drawing.height:g}'
    box = f'0 0 {drawing.width:g} {drawing.height:g}'
    shapes = ''.join(map(_element, drawing.shapes))
    return (
        f'<svg role="img" aria-label="{escape(drawing.label)}" width="{size}" viewBox="{box}" '
        f'font-size="{FONT_SIZE}">{shapes}</svg>'
    )


def _element(shape: Shape) -> str:
    match shape:
        case Line(x1, y1, x2, y2, ink, width, dashed):
            dashes = ' stroke-dasharray="4 4"' if dashed else ''
            return (
                f'<line class="s-{ink}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                f'stroke-width="{width:g}"{dashes}/>'
            )
        case Dot(x, y, radius, ink, hollow):
            filled = f'hollow s-{ink}' if hollow else f'f-{ink}'
            return f'<circle class="{filled}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'
        case Box(x, y, width, height, ink, strength):
            return (
                f'<rect class="f-{ink}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" fill-opacity="{strength:.2f}"/>'
            )
        case Text(x, y, text, ink, anchor, bold, upright):
            turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if upright else ''
            weight = ' font-weight="600"' if bold else ''
            return (
                f'<text class="f-{ink}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}{turned}>'
                f'{escape(text)}</text>'
            )
