import gc
import weakref

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.server.model_manager.servable import SessionServable
from serving.server.status_errors import StatusError
from tests.serving.tiny_model import example_inputs


@pytest.fixture(scope='module')
def servable(exported):
    servable = SessionServable(exported[0])
    yield servable
    servable.close()


@pytest.mark.parametrize('name', ['serving_default', 'score_elements'])
def test_equals_the_saved_model(servable, exported, name):
    inputs = example_inputs(5)
    function = tf.saved_model.load(str(exported[0])).signatures[name]
    expected = function(**{alias: tf.constant(value) for alias, value in inputs.items()})
    aliases = sorted(expected)
    outputs = servable.run(servable.signatures[name], inputs, aliases)
    for alias, output in zip(aliases, outputs):
        np.testing.assert_array_equal(output, expected[alias].numpy(), err_msg=alias)


def test_only_what_is_asked_for(servable):
    [ctr] = servable.run(servable.signatures['serving_default'], example_inputs(3), ['ctr'])
    assert ctr.shape == (3,)


def test_error_of_an_op_keeps_its_code(servable):
    inputs = example_inputs(2) | {'age': np.array([np.nan, 1], np.float32)}
    with pytest.raises(StatusError, match='age : Tensor had NaN values') as error:
        servable.run(servable.signatures['serving_default'], inputs, ['ctr'])
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_run_is_cancelled_when_its_time_is_up(servable):
    rounds = {'rounds': np.array([1 << 60])}
    with pytest.raises(StatusError) as error:
        servable.run(servable.signatures['spin'], rounds, ['rounds'], timeout_s=0.05)
    assert error.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_closed_without_waiting_for_the_garbage_collector(exported):
    servable = SessionServable(exported[0])
    graph = weakref.ref(servable._graph)
    gc.disable()
    try:
        servable.close()
        assert graph() is None
    finally:
        gc.enable()


def test_long_messages_are_cut():
    from serving.server.status_errors import as_status

    with pytest.raises(StatusError) as error, as_status():
        raise tf.errors.InternalError(None, None, 'x' * 2000)
    assert error.value.message == 'x' * 1024 + '...TRUNCATED'
    assert error.value.code is grpc.StatusCode.INTERNAL
