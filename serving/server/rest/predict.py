"""Reads Predict requests from JSON and writes their responses (TensorFlow Serving's util/json_tensor.cc)."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import predict_pb2

from serving.server.rest.json_tensors import is_bytes, to_array, to_json
from serving.server.services.predict import DEFAULT_SIGNATURE
from serving.server.status_errors import invalid
from serving.tensor_protos import decode, encode

_ROWS, _COLUMNS = 'instances', 'inputs'
_ANSWERS = {_ROWS: 'predictions', _COLUMNS: 'outputs'}


def parse(body: bytes, signatures: Mapping[str, SignatureDef], request: predict_pb2.PredictRequest) -> str:
    """Fills in a request from a JSON body, with tensors of the types that the signature takes.

    Args:
        body: {"signature_name": ..., "instances": [...]} or {"signature_name": ..., "inputs": ...}.
        signatures: The signatures of the model by name.
        request: The request whose signature name and inputs are set.

    Returns:
        The form of the body: 'instances' or 'inputs'.

    Raises:
        StatusError: The body is malformed or does not fit the signature (INVALID_ARGUMENT).
    """
    document = _document(body)
    name = document.get('signature_name', DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    if name not in signatures:
        raise invalid(f'Failed to get input map for signature: {name}')
    forms = [form for form in _ANSWERS if form in document]
    if len(forms) != 1:
        raise invalid(f"Body must have one of the keys 'instances' and 'inputs'; it has {len(forms)} of them")
    [form] = forms
    wanted = signatures[name].inputs
    columns = (_from_rows if form == _ROWS else _from_columns)(document[form], wanted)
    request.model_spec.signature_name = name
    for alias, value in columns.items():
        try:
            dtype = tf.dtypes.as_dtype(wanted[alias].dtype).as_numpy_dtype
            array = _completed(to_array(value, np.dtype(dtype)), wanted[alias].tensor_shape)
            encode(array, request.inputs[alias], packed=True)
        except ValueError as error:
            raise invalid(f'Failed to process input {alias}: {error}') from error
    return form


def render(response: predict_pb2.PredictResponse, form: str) -> bytes:
    """Writes the JSON body that answers a request of this form; a single output has no name.

    Raises:
        StatusError: The form is 'instances' and the outputs differ in dimension 0 (INVALID_ARGUMENT).
    """
    arrays = {alias: decode(proto) for alias, proto in response.outputs.items()}
    if form == _ROWS:
        _check_batch(arrays)
    columns = {alias: to_json(array, alias.endswith('_bytes')) for alias, array in sorted(arrays.items())}
    if len(columns) == 1:
        [answer] = columns.values()
    elif form == _COLUMNS:
        answer = columns
    else:
        answer = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return json.dumps({_ANSWERS[form]: answer}, ensure_ascii=False).encode()


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f'JSON Parse error: {error}') from error
    if not isinstance(document, dict):
        raise invalid('Request body is expected to be a JSON object')
    return document


def _from_columns(value: Any, wanted: Mapping) -> dict[str, Any]:
    if isinstance(value, dict) and not is_bytes(value):
        return _known(value, wanted)
    return {_only(wanted): value}


def _completed(array: np.ndarray, shape: TensorShapeProto) -> np.ndarray:
    """Adds the inner sizes, which empty JSON lists cannot tell, to the shape of an empty array."""
    if array.size:
        return array
    return array.reshape(*array.shape, *(max(dim.size, 0) for dim in shape.dim[array.ndim :]))


def _from_rows(rows: Any, wanted: Mapping) -> dict[str, list]:
    if not isinstance(rows, list) or not rows:
        raise invalid("'instances' must be a list that is not empty")
    if not isinstance(rows[0], dict) or is_bytes(rows[0]):
        return {_only(wanted): rows}
    columns: dict[str, list] = {alias: [] for alias in _known(rows[0], wanted)}
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != columns.keys():
            raise invalid(
                f"Failed to process element: {place} of 'instances' list: "
                f'it must be an object of the same keys as the first: {sorted(columns)}'
            )
        for alias, value in row.items():
            columns[alias].append(value)
    return columns


def _known(named: dict[str, Any], wanted: Mapping) -> dict[str, Any]:
    for alias in named:
        if alias not in wanted:
            raise invalid(f'JSON object has an input that the signature does not take: {alias}')
    return named


def _only(wanted: Mapping) -> str:
    if len(wanted) != 1:
        raise invalid(f'Values without a name need a signature of one input; this has {len(wanted)}')
    [alias] = wanted
    return alias


def _check_batch(arrays: Mapping[str, np.ndarray]) -> None:
    sizes = {array.shape[:1] for array in arrays.values()}
    if len(sizes) != 1 or () in sizes:
        shapes = {alias: list(array.shape) for alias, array in sorted(arrays.items())}
        raise invalid(f"Outputs of unequal dimension 0 need the form 'inputs': {shapes}")
