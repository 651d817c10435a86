"""Forest plots: where dots and whiskers are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sctr_evaluator.report.charts.forest import Row, forest, interval_text
from components.sctr_evaluator.report.charts.shapes import Dot, Line, Text

UNKNOWN = {'value': None, 'low': None, 'high': None, 'problem': 'no click'}


def _estimate(value, low=None, high=None):
    return {'value': value, 'low': low, 'high': high, 'problem': None}


def _dots(drawing):
    return [shape for shape in drawing.shapes if isinstance(shape, Dot)]


def _whiskers(drawing):
    return [s for s in drawing.shapes if isinstance(s, Line) and s.width == 2.5]


def _texts(drawing):
    return [shape.text for shape in drawing.shapes if isinstance(shape, Text)]


@pytest.mark.parametrize(
    ('estimate', 'text', 'ink'),
    [
        (_estimate(0.2, 0.099, 0.31), '+20.0 % (+9.9 to +31.0)', 'good'),
        (_estimate(-0.2, -0.3, -0.1), '-20.0 % (-30.0 to -10.0)', 'bad'),
        (_estimate(0.2, -0.1, 0.5), '+20.0 % (-10.0 to +50.0)', 'muted'),
        (_estimate(2.0, -12.0, 14.0), '+200.0 % (below -1000 to over +1000)', 'muted'),
        (_estimate(0.2), '+20.0 % (no interval)', 'muted'),
    ],
)
def test_figures_are_written_and_coloured_by_what_they_show(estimate, text, ink):
    drawing = forest('lift', [Row('title', estimate)], 700)
    assert 'title' in _texts(drawing) and text in _texts(drawing)
    assert _dots(drawing)[0].ink == ink
    assert len(_whiskers(drawing)) == (estimate['low'] is not None)


@pytest.mark.parametrize('width', [300, 700])
def test_positions_are_linear_in_the_lift(width):
    rows = [Row('a', _estimate(0.1, 0.0, 0.2)), Row('b', _estimate(0.2, 0.1, 0.3))]
    drawing = forest('lift', rows, width)
    (first, second), (one, other) = _dots(drawing), _whiskers(drawing)
    unit = second.x - first.x
    assert unit > 0
    assert (one.x2 - one.x1, other.x2 - other.x1) == pytest.approx((2 * unit, 2 * unit))
    assert first.x - one.x1 == pytest.approx(unit)
    assert first.y < second.y < drawing.height


def test_what_is_not_known_has_a_row_without_a_dot_and_a_heading_has_neither():
    drawing = forest('lift', [Row('group'), Row('title', UNKNOWN, hollow=True)], 700)
    assert not _dots(drawing)
    assert _texts(drawing)[:3] == ['group', 'title', 'not known']
    assert interval_text(UNKNOWN) == 'not known'


def test_an_interval_that_reaches_far_beyond_the_others_is_cut_off_with_an_arrow():
    rows = [Row(str(i), _estimate(0.1, 0.0, 0.2)) for i in range(5)]
    plain = forest('lift', rows, 700)
    cut = forest('lift', [*rows, Row('wide', _estimate(0.1, -0.05, 14.0))], 700)
    assert _whiskers(cut)[0].x2 - _whiskers(cut)[0].x1 > 0.3 * (
        _whiskers(plain)[0].x2 - _whiskers(plain)[0].x1
    )
    arrows = [s for s in cut.shapes if isinstance(s, Line) and s.width == 2]
    assert len(arrows) == 2 and {arrow.x1 for arrow in arrows} == {_whiskers(cut)[-1].x2}


lifts = st.floats(-0.99, 20)
estimates = st.one_of(
    st.just(UNKNOWN),
    lifts.map(_estimate),
    st.tuples(lifts, lifts, lifts).map(sorted).map(lambda t: _estimate(t[1], t[0], t[2])),
)


@given(
    st.lists(st.tuples(st.text(max_size=80), st.none() | estimates), max_size=8), st.sampled_from([300, 760])
)
def test_nothing_is_drawn_outside(rows, width):
    drawing = forest('lift', [Row(label, estimate) for label, estimate in rows], width)
    for shape in drawing.shapes:
        xs = [shape.x1, shape.x2] if isinstance(shape, Line) else [shape.x]
        assert all(0 <= x <= width for x in xs)
    assert all(0 <= dot.y <= drawing.height for dot in _dots(drawing))
