"""Predict, Classify, Regress and MultiInference: answers, codes and messages of stock TensorFlow Serving."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    regression_pb2,
)

from tests.serving.helpers import MODEL, PATIENCE_S
from tests.serving.tiny_model import SPEC, example_inputs, predict_request

REQUESTS = {
    'Classify': classification_pb2.ClassificationRequest,
    'Regress': regression_pb2.RegressionRequest,
}
CLASSIFY, REGRESS, PREDICT = (f'tensorflow/serving/{method}' for method in ('classify', 'regress', 'predict'))
INPUTS = ','.join(sorted(SPEC))
OUTPUTS = 'combination_ctr,combinations,component,ctr,effect_std,propensity,selected_id,selected_index'


def _request(**changes):
    inputs = {**example_inputs(), **changes}
    return predict_request({name: value for name, value in inputs.items() if value is not None}, MODEL)


def _task(name, signature='', method=CLASSIFY):
    return {'model_spec': {'name': name, 'signature_name': signature}, 'method_name': method}


def _with_spec(**spec):
    request = _request()
    version = spec.pop('version', None)
    for field, value in spec.items():
        setattr(request.model_spec, field, value)
    if version is not None:
        request.model_spec.version.value = version
    return request


def _filtered(*names):
    request = _request()
    request.output_filter.extend(names)
    return request


def _without_spec():
    request = _request()
    request.ClearField('model_spec')
    return request


def _undecodable():
    request = _request()
    request.inputs['age'].tensor_content = b'123'
    return request


@pytest.mark.parametrize(
    'request_, code, message',
    [
        (_without_spec(), 'INVALID_ARGUMENT', 'Missing ModelSpec'),
        (_with_spec(name=''), 'INVALID_ARGUMENT', 'ModelSpec has no name specified.'),
        (_with_spec(name='other'), 'NOT_FOUND', 'Servable not found for request: Latest(other)'),
        (
            _with_spec(name='other', version=3),
            'NOT_FOUND',
            'Servable not found for request: Specific(other, 3)',
        ),
        (_with_spec(version=9), 'NOT_FOUND', f'Servable not found for request: Specific({MODEL}, 9)'),
        (_with_spec(version_label='L'), 'INVALID_ARGUMENT', 'Unrecognized servable version label: L'),
        (_with_spec(signature_name='S'), 'FAILED_PRECONDITION', 'Serving signature key "S" not found.'),
        (
            predict_request({}, MODEL),
            'INVALID_ARGUMENT',
            f'input size does not match signature: 0!={len(SPEC)} len({{}}) != len({{{INPUTS}}}). '
            f'Sent extra: {{}}. Missing but required: {{{INPUTS}}}.',
        ),
        (
            predict_request({**example_inputs(), 'more': [1.0]}, MODEL),
            'INVALID_ARGUMENT',
            f'input size does not match signature: {len(SPEC) + 1}!={len(SPEC)} '
            f'len({{{",".join(sorted([*SPEC, "more"]))}}}) != len({{{INPUTS}}}). '
            'Sent extra: {more}. Missing but required: {}.',
        ),
        (
            predict_request({'z': np.int64(1)}, MODEL, 'spin'),
            'INVALID_ARGUMENT',
            'Signature input alias: rounds(feed name: spin_rounds:0) not found in request and no default '
            'value provided. Inputs expected to be in the request {z}, or default input alias set: ',
        ),
        (_undecodable(), 'INVALID_ARGUMENT', 'tensor parsing error: age'),
        (
            _request(age=np.zeros(2, np.float64)),
            'INVALID_ARGUMENT',
            'Expects arg[1] to be float but double is provided',
        ),
        (
            _filtered('ctr', 'q'),
            'INVALID_ARGUMENT',
            f'output tensor alias not found in signature: q Outputs expected to be in the set {{{OUTPUTS}}}.',
        ),
        (_filtered('ctr', 'ctr'), 'INVALID_ARGUMENT', 'duplicate output tensor alias: ctr'),
        (_request(age=np.full(2, np.nan, np.float32)), 'INVALID_ARGUMENT', 'age : Tensor had NaN values'),
    ],
)
def test_predict_errors(any_server, request_, code, message):
    with pytest.raises(grpc.RpcError) as error:
        any_server.prediction.Predict(request_, timeout=PATIENCE_S)
    assert error.value.code() is grpc.StatusCode[code]
    if message.startswith('age :'):  # from an op: the runtime adds where
        assert error.value.details().startswith(message)
    else:
        assert error.value.details() == message
    assert any_server.prediction.Predict(_request(), timeout=PATIENCE_S).outputs


def test_unequal_numbers_of_ads(any_server, batching):
    with pytest.raises(grpc.RpcError) as error:
        any_server.prediction.Predict(_request(age=np.zeros(5, np.float32)), timeout=PATIENCE_S)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    message = 'Incompatible shapes'
    if batching['enable_batching']:
        message = 'Batching Run() input tensors must have equal 0th-dimension size'
    assert error.value.details().startswith(message)
    assert any_server.prediction.Predict(_request(), timeout=PATIENCE_S).outputs


@pytest.mark.parametrize('signature', ['', 'serving_default', 'score_elements'])
def test_predict_equals_the_saved_model(any_server, exported, signature):
    inputs = example_inputs(7)
    response = any_server.prediction.Predict(predict_request(inputs, MODEL, signature))  # without a deadline
    name = signature or 'serving_default'
    assert response.model_spec.name == MODEL
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == name
    function = tf.saved_model.load(str(exported[0])).signatures[name]
    expected = function(**{alias: tf.constant(value) for alias, value in inputs.items()})
    assert set(response.outputs) == set(expected)
    for alias, value in expected.items():
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs[alias]), value.numpy(), err_msg=alias)


def test_predict_reads_raw_and_typed_tensors_and_answers_typed(any_server):
    raw = _request()
    assert raw.inputs['age'].tensor_content
    typed = _request()
    typed.inputs['age'].CopyFrom(tf.make_tensor_proto(0.0, shape=[2]))
    typed.inputs['age'].float_val[:] = example_inputs()['age'].tolist()
    answers = [any_server.prediction.Predict(request).outputs['ctr'] for request in (raw, typed)]
    assert answers[0] == answers[1]
    assert len(answers[0].float_val) == 2


def test_output_filter(any_server):
    assert set(any_server.prediction.Predict(_filtered('ctr', 'component')).outputs) == {
        'ctr',
        'component',
    }


def test_specific_version(any_server):
    assert any_server.prediction.Predict(_with_spec(version=1)).model_spec.version.value == 1


def test_requests_above_the_default_message_limit(shared_server):
    ads = 60_000
    rows = np.full((ads, 1), b'x' * 60, object)
    inputs = example_inputs(ads) | {name: rows for name in SPEC if name.endswith(('_candidates', '_text'))}
    request = predict_request(inputs, MODEL, 'score_elements')
    assert request.ByteSize() > 4 << 20
    response = shared_server.prediction.Predict(request, timeout=PATIENCE_S)
    assert tf.make_ndarray(response.outputs['element_score']).shape == (ads, 3, 1)


def test_deadline_cancels_the_run(any_server):
    request = predict_request({'rounds': np.array([1 << 60])}, MODEL, 'spin')
    with pytest.raises(grpc.RpcError) as error:
        any_server.prediction.Predict(request, timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert any_server.prediction.Predict(_request(), timeout=PATIENCE_S).outputs


@pytest.mark.parametrize('method, kind', [('Classify', 'classification'), ('Regress', 'regression')])
def test_no_signature_classifies_or_regresses(any_server, method, kind):
    request = REQUESTS[method]()

    def refused(name, signature):
        request.model_spec.name, request.model_spec.signature_name = name, signature
        with pytest.raises(grpc.RpcError) as error:
            getattr(any_server.prediction, method)(request, timeout=PATIENCE_S)
        return error.value.code().name, error.value.details()

    assert refused(MODEL, '') == (
        'INVALID_ARGUMENT',
        f'Expected {kind} signature method_name to be tensorflow/serving/{method.lower()}. '
        'Was: tensorflow/serving/predict',
    )
    assert refused(MODEL, 'no') == ('INVALID_ARGUMENT', 'No signature was found with the name: no')
    assert refused('other', '') == ('NOT_FOUND', 'Servable not found for request: Latest(other)')


@pytest.mark.parametrize(
    'tasks, code, message',
    [
        ([], 'INVALID_ARGUMENT', 'ModelSpec has no name specified.'),
        ([{'method_name': CLASSIFY}], 'INVALID_ARGUMENT', 'ModelSpec has no name specified.'),
        ([_task('other')], 'NOT_FOUND', 'Servable not found for request: Latest(other)'),
        ([_task(MODEL, 'no')], 'INVALID_ARGUMENT', 'Requested signature not found in model graph: no'),
        (
            [_task(MODEL), _task('other')],
            'INVALID_ARGUMENT',
            f'Expected classification signature method_name to be {CLASSIFY}. Was: {PREDICT}',
        ),
        (
            [_task(MODEL, 'explore', REGRESS)],
            'INVALID_ARGUMENT',
            f'Expected regression signature method_name to be {REGRESS}. Was: {PREDICT}',
        ),
        (
            [_task(MODEL, method=PREDICT)],
            'UNIMPLEMENTED',
            f'Unsupported signature method_name: {PREDICT}',
        ),
    ],
)
def test_no_signature_is_for_multi_inference(any_server, tasks, code, message):
    request = inference_pb2.MultiInferenceRequest(tasks=tasks)
    with pytest.raises(grpc.RpcError) as error:
        any_server.prediction.MultiInference(request, timeout=PATIENCE_S)
    assert (error.value.code().name, error.value.details()) == (code, message)
