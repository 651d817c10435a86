import operator

import pytest

from benchmarks.common.workers import results_of


@pytest.mark.parametrize('parallel', [False, True])
def test_results_come_in_the_order_of_the_tasks(parallel):
    tasks = [(number, 2) for number in range(40)]
    assert results_of(operator.pow, tasks, parallel) == [number**2 for number in range(40)]


@pytest.mark.parametrize('parallel', [False, True])
def test_a_task_that_fails_is_not_passed_over(parallel):
    with pytest.raises(ZeroDivisionError):
        results_of(operator.truediv, [(1, 1), (1, 0)], parallel)
