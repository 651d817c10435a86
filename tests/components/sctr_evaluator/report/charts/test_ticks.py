"""Steps of an axis."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sctr_evaluator.report.charts.ticks import nice_step


@pytest.mark.parametrize(('span', 'step'), [(1.0, 0.2), (1.3, 0.5), (0.06, 0.01), (30, 5), (2400, 500)])
def test_steps_are_round(span, step):
    assert nice_step(span, 6) == pytest.approx(step)


@given(st.floats(1e-6, 1e6), st.integers(2, 10))
def test_there_are_enough_ticks_and_not_too_many(span, most):
    step = nice_step(span, most)
    assert most / 2.6 <= span / step <= most * (1 + 1e-9)
    digit = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
    assert any(digit == pytest.approx(d) for d in (1, 2, 5))
