import numpy as np
import pytest
from scipy import stats

from creative_logs.counter_rng import Draws

KEYS = np.arange(200_000)


def test_a_draw_depends_on_seed_purpose_and_every_key_alone():
    draws = Draws(1)
    grid = draws.bits('x', np.arange(50)[:, None], np.arange(40))
    assert grid.shape == (50, 40)
    assert grid[7, 9] == draws.bits('x', 7, 9) == Draws(1).bits('x', 7, 9)
    assert len(np.unique(grid)) == grid.size
    assert len({int(d) for d in (draws.bits('x', 7), draws.bits('y', 7), Draws(2).bits('x', 7))}) == 3


def test_uniform_draws_are_uniform():
    draws = Draws(3).uniform('u', KEYS)
    assert draws.min() > 0 and draws.max() < 1
    assert stats.kstest(draws, 'uniform').pvalue > 1e-3


def test_normal_draws_are_normal():
    assert stats.kstest(Draws(3).normal('n', KEYS), 'norm').pvalue > 1e-3


@pytest.mark.parametrize('high', [1, 2, 7])
def test_integer_draws_are_uniform(high):
    counts = np.bincount(Draws(3).integers(high, 'i', KEYS), minlength=high)
    assert len(counts) == high
    assert high == 1 or stats.chisquare(counts).pvalue > 1e-3


def test_neighbouring_keys_and_purposes_are_not_correlated():
    draws = Draws(5)
    a, b = draws.normal('a', KEYS), draws.normal('b', KEYS)
    limit = 4 / np.sqrt(len(KEYS))
    assert abs(np.corrcoef(a, b)[0, 1]) < limit
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < limit
