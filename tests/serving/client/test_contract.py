import pytest
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.client.contract import Contract
from tests.serving import content_model
from tests.serving.tiny_model import COMPONENTS, EXPLORE_SPEC, SPEC


def _signature(spec):
    signature = SignatureDef()
    for name, tensor in spec.items():
        signature.inputs[name].dtype = tensor.dtype.as_datatype_enum
        signature.inputs[name].tensor_shape.CopyFrom(tensor.shape.as_proto())
    return signature


def test_reads_context_components_and_texts():
    contract = Contract.from_signatures({'serving_default': _signature(SPEC), 'other': SignatureDef()})
    string, int64, float32 = (t.as_datatype_enum for t in (tf.string, tf.int64, tf.float32))
    assert contract.context == {
        'user_id': (string, 1),
        'ad_id': (string, 1),
        'hour': (int64, 1),
        'age': (float32, 1),
        'query_terms': (string, 2),
    }
    assert set(contract.components) == set(COMPONENTS)
    assert contract.with_text == {'title'}
    assert contract.signatures == {'serving_default', 'other'}
    assert contract.max_candidates is None


def test_reads_whether_the_model_draws_effects():
    earlier = {name: tensor for name, tensor in EXPLORE_SPEC.items() if name != 'posterior_scale'}
    for spec, expected in ((None, False), (earlier, False), (EXPLORE_SPEC, True)):
        signatures = {'serving_default': _signature(SPEC)} | ({'explore': _signature(spec)} if spec else {})
        assert Contract.from_signatures(signatures).draws_effects == expected


def test_reads_what_the_model_takes_of_content():
    contract = Contract.from_signatures({'serving_default': _signature(content_model.SPEC)})
    assert contract.components == content_model.COMPONENTS
    assert contract.content == {'image': (False, True, 0), 'title': (True, True, content_model.DIMENSIONS)}
    assert contract.with_text == frozenset()
    assert list(contract.context) == ['ad_id']


def test_texts_alone_may_come_from_the_logs_or_as_content():
    contract = Contract.from_signatures({'serving_default': _signature(SPEC)})
    assert contract.content == {'title': (True, False, 0)} and contract.with_text == {'title'}


def test_reads_how_many_candidates_the_model_looks_at():
    scores = SignatureDef()
    for size in (-1, 3, 15):
        scores.outputs['element_score'].tensor_shape.dim.add(size=size)
    contract = Contract.from_signatures({'serving_default': _signature(SPEC), 'score_elements': scores})
    assert contract.max_candidates == 15


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'seed': None}, 'candidates and seed'),
        ({f'{name}_candidates': None for name in COMPONENTS}, 'candidates and seed'),
        ({'age': tf.TensorSpec([None], tf.float64)}, "'age' is double of rank 1"),
        ({'hour': tf.TensorSpec([None, 2], tf.int64)}, "'hour' is int64 of rank 2"),
    ],
)
def test_not_a_genco_model(changes, message):
    spec = {name: tensor for name, tensor in {**SPEC, **changes}.items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        Contract.from_signatures({'serving_default': _signature(spec)})


def test_a_model_without_the_signature():
    with pytest.raises(ValueError, match='it has no signature serving_default'):
        Contract.from_signatures({'predict': _signature(SPEC)})
