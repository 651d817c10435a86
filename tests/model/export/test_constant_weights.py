"""Weights as constants of what is traced."""

import numpy as np
import pytest
import tensorflow as tf

from model.export.constant_weights import constant_weights
from model.network.layers import ScoreNetwork

CONTEXT, FEATURES = tf.random.normal([6, 2]), tf.random.normal([6, 5])


@pytest.fixture
def network():
    network = ScoreNetwork([4, 3])
    network(CONTEXT, FEATURES)
    return network


def _traced(network):
    specs = [tf.TensorSpec([None, values.shape[1]]) for values in (CONTEXT, FEATURES)]
    return tf.function(network.call).get_concrete_function(*specs)


def test_what_is_traced_meanwhile_keeps_its_weights(network):
    before = network(CONTEXT, FEATURES)
    with constant_weights(network, []):
        function = _traced(network)
    for weight in network.weights:
        weight.assign(weight + 1)
    assert not function.captured_inputs
    np.testing.assert_allclose(function(CONTEXT, FEATURES), before, rtol=1e-5)
    assert np.abs(network(CONTEXT, FEATURES) - before).max() > 0.1


def test_named_variables_stay_variables(network):
    bias = network.weights[-1]
    with constant_weights(network, [bias]):
        function = _traced(network)
    bias.assign_add([2.0])
    assert [variable.ref() for variable in function.variables] == [bias.ref()]
    np.testing.assert_allclose(function(CONTEXT, FEATURES), network(CONTEXT, FEATURES), rtol=1e-5)


def test_a_failure_leaves_the_weights_in_place(network):
    weights = list(network.weights)
    with pytest.raises(ZeroDivisionError), constant_weights(network, []):
        _ = 1 / 0
    function = _traced(network)
    assert {variable.ref() for variable in function.variables} == {weight.ref() for weight in weights}
