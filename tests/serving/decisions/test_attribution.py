import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decisions.attribution import NONE, ClickCounts, attribute


@st.composite
def _cases(draw):
    shown_at = draw(st.lists(st.integers(0, 20), min_size=1, max_size=5))
    click = st.tuples(st.integers(0, len(shown_at) - 1), st.integers(0, 30))
    return shown_at, draw(st.lists(click, max_size=12)), draw(st.integers(1, 10))


@settings(deadline=None)
@given(_cases())
def test_equals_one_click_after_the_other(case):
    shown_at, clicks, window = case
    found, counts = [NONE] * len(shown_at), dict.fromkeys(('attributed', 'repeated', 'early', 'late'), 0)
    for place in sorted(range(len(clicks)), key=lambda place: clicks[place][1]):
        impression, time = clicks[place]
        if time < shown_at[impression]:
            fate = 'early'
        elif time >= shown_at[impression] + window:
            fate = 'late'
        elif found[impression] != NONE:
            fate = 'repeated'
        else:
            fate = 'attributed'
            found[impression] = place
        counts[fate] += 1
    columns = np.array(clicks, np.int64).reshape(-1, 2).T
    answer = attribute(np.array(shown_at), *columns, window)
    assert (answer[0].tolist(), answer[1]) == (found, ClickCounts(**counts))


def test_counts_add_up():
    assert ClickCounts(1, 2, 3, 4) + ClickCounts(10, 20, 30, 40) == ClickCounts(11, 22, 33, 44)
