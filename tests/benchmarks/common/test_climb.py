import itertools

import numpy as np
import pytest

from benchmarks.common.climb import Climbing
from model.features import packed_batch as keys

COUNTS = np.array([[3, 0, 4], [1, 2, 1], [5, 3, 2]], np.int32)


class Table:
    """Scores every combination of the candidates by a given table per ad."""

    def __init__(self, tables):
        self._tables = tables

    def fit(self, data):
        self.seen = list(data)

    def score_combinations(self, batch, combinations):
        return np.array(
            [[table[tuple(c)] for c in ad] for table, ad in zip(self._tables, np.maximum(combinations, 0))]
        )


def additive_table(counts, random, interaction=0.0):
    shape = np.maximum(counts, 1)
    parts = np.ix_(*(random.normal(size=n) for n in shape))
    return sum(parts) + interaction * random.normal(size=shape)


def chosen(tables):
    return Climbing(Table(tables)).choose({keys.COUNTS: COUNTS})


@pytest.mark.parametrize('seed', range(5))
def test_finds_the_best_where_scores_add_up(seed):
    random = np.random.default_rng(seed)
    tables = [additive_table(counts, random) for counts in COUNTS]
    for counts, table, choice in zip(COUNTS, tables, chosen(tables)):
        best = np.array(np.unravel_index(table.argmax(), table.shape))
        np.testing.assert_array_equal(choice, np.where(counts > 0, best, -1))


@pytest.mark.parametrize('seed', range(5))
def test_no_single_change_improves_what_it_finds_with_weak_interaction(seed):
    random = np.random.default_rng(seed)
    tables = [additive_table(counts, random, 0.1) for counts in COUNTS]
    for counts, table, choice in zip(COUNTS, tables, chosen(tables)):
        here = table[tuple(np.maximum(choice, 0))]
        for component, other in itertools.product(range(3), range(5)):
            if other < counts[component]:
                changed = np.maximum(choice, 0)
                changed[component] = other
                assert table[tuple(changed)] <= here


def test_learning_is_the_policys_own():
    policy = Table([])
    Climbing(policy).fit(iter('ab'))
    assert policy.seen == ['a', 'b']
