"""The exported graph runs in the stock TensorFlow Serving binary: ops of the core alone, no Python, no XLA."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

_LIST_OPS = """
import json
import tensorflow
from tensorflow.python.framework import op_def_registry
asked = json.loads(input())
print(json.dumps([name for name in asked if op_def_registry.get(name) is None]))
"""
# Registered everywhere, but they call back into the Python process that traced them.
_PYTHON_OPS = {'PyFunc', 'EagerPyFunc', 'PyFuncStateless'}


@pytest.fixture(scope='module')
def graph(exported):
    saved = SavedModel.FromString((exported / 'saved_model.pb').read_bytes())
    (meta_graph,) = saved.meta_graphs
    return meta_graph.graph_def


@pytest.fixture(scope='module')
def nodes(graph):
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


@pytest.fixture(scope='module')
def ops(graph, nodes):
    return {node.op for node in nodes} - {function.signature.name for function in graph.library.function}


def test_every_op_is_one_of_tensorflow_itself(ops):
    assert {'MatMul', 'RestoreV2'} < ops
    assert _unknown_to_tensorflow([*ops, 'NoSuchOp']) == ['NoSuchOp']


def test_only_tables_are_variables(exported, model):
    """Neither an optimizer's slots, as large again, nor small weights, which cost a request several ops."""
    names = [name for name, _ in tf.train.list_variables(str(exported / 'variables/variables'))]
    restored = [name for name in names if not name.startswith('_CHECKPOINTABLE')]
    assert len(restored) == len(model.served_tables) == 8 + len(model.effects.content.tables)
    assert all(name.startswith('tables/') for name in restored)


def test_nothing_calls_back_into_python(ops):
    assert not ops & _PYTHON_OPS


def test_nothing_needs_xla(graph, nodes):
    """The stock server switches XLA off, and a function that insists on it fails."""
    for holder in (*graph.library.function, *nodes):
        assert not holder.attr['_XlaMustCompile'].b, holder


def test_no_random_op_keeps_a_state(ops):
    """Its draws would depend on the requests before, and on the neighbours in a batch."""
    stateful = {'Multinomial', 'RandomUniform', 'RandomUniformInt', 'RandomStandardNormal', 'RandomShuffle'}
    assert not ops & stateful


def _unknown_to_tensorflow(ops: list[str]) -> list[str]:
    """Asks an interpreter that imported TensorFlow alone: this one has the ops of other libraries as well."""
    done = subprocess.run(
        [sys.executable, '-c', _LIST_OPS], input=json.dumps(ops), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])
