"""How text is cut to fit."""

from hypothesis import given
from hypothesis import strategies as st

from components.sctr_evaluator.report.charts.shapes import fitted, text_width


@given(st.text(max_size=60), st.floats(20, 400))
def test_a_fitted_text_is_not_wider_and_says_that_it_was_cut(text, width):
    cut = fitted(text, width)
    assert text_width(cut) <= width
    assert '\n' not in cut
    assert cut == ' '.join(text.split()) or cut.endswith('…')


def test_east_asian_letters_are_wider():
    assert text_width('創意') > text_width('ab') * 1.5
