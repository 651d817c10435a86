"""The batching parameters file of TensorFlow Serving."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from creative_logs.errors import InputError
from serving.server.text_protos import message_class, read_text_proto

_NUMBERS = (
    'max_batch_size',
    'batch_timeout_micros',
    'max_enqueued_batches',
    'num_batch_threads',
    'max_execution_batch_size',
)
# session_bundle_config.proto, which tensorflow-serving-api does not ship; it wraps numbers in messages too.
_BatchingParameters = message_class(
    """
name: "genco/batching.proto" package: "genco.batching" syntax: "proto3"
message_type { name: "Number" field { name: "value" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 } }
message_type { name: "Text" field { name: "value" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "Flag" field { name: "value" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL } }
message_type {
  name: "BatchingParameters"
"""
    + ''.join(
        f'field {{ name: "{name}" number: {number} label: LABEL_OPTIONAL type: TYPE_MESSAGE '
        'type_name: ".genco.batching.Number" }\n'
        for number, name in enumerate(_NUMBERS, 11)
    )
    + """
  field {
    name: "thread_pool_name" number: 5 label: LABEL_OPTIONAL type: TYPE_MESSAGE
    type_name: ".genco.batching.Text"
  }
  field { name: "allowed_batch_sizes" number: 6 label: LABEL_REPEATED type: TYPE_INT64 }
  field { name: "pad_variable_length_inputs" number: 7 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field {
    name: "enable_large_batch_splitting" number: 8 label: LABEL_OPTIONAL type: TYPE_MESSAGE
    type_name: ".genco.batching.Flag"
  }
}
""",
    'genco.batching.BatchingParameters',
)
_MICROSECONDS = 1e-6


@dataclass(frozen=True)
class BatchingParameters:
    """How requests are merged.

    Attributes:
        max_batch_size: The largest number of rows of one request.
        batch_timeout_s: The seconds that a batch which is not full waits for more requests.
        max_enqueued_batches: The largest number of full batches that may wait.
        num_batch_threads: The number of batches of one version that run at the same time.
        allowed_batch_sizes: The increasing sizes to which batches are padded; empty for no padding.
        pad_variable_length_inputs: Whether other dimensions are padded, so that requests that differ in them
            share a batch.
        enable_large_batch_splitting: Whether a larger request is run in parts instead of being refused.
        max_execution_batch_size: The largest number of rows of one run.
        thread_pool_name: The label of the thread pool in the metrics.
    """

    max_batch_size: int = 1000
    batch_timeout_s: float = 0.0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 1000
    thread_pool_name: str = 'batch_threads'


def read_batching_parameters(path: Path) -> BatchingParameters:
    """Reads a text proto `BatchingParameters`.

    Raises:
        InputError: The file cannot be read, is not a `BatchingParameters`, or breaks a rule.
    """
    proto = read_text_proto(path, _BatchingParameters())
    numbers = {name: getattr(proto, name).value for name in _NUMBERS if proto.HasField(name)}
    for name, value in numbers.items():
        if value < (0 if name == 'batch_timeout_micros' else 1):
            raise InputError(
                f'{path}: {name}: must not be below {int(name != "batch_timeout_micros")}: got {value}'
            )
    timeout_s = numbers.pop('batch_timeout_micros', 0) * _MICROSECONDS
    numbers.setdefault('max_execution_batch_size', numbers.get('max_batch_size', 1000))
    parameters = BatchingParameters(
        batch_timeout_s=timeout_s,
        allowed_batch_sizes=tuple(proto.allowed_batch_sizes),
        pad_variable_length_inputs=proto.pad_variable_length_inputs,
        enable_large_batch_splitting=proto.enable_large_batch_splitting.value,
        thread_pool_name=proto.thread_pool_name.value or BatchingParameters.thread_pool_name,
        **numbers,
    )
    _check(path, parameters)
    return parameters


def _check(path: Path, parameters: BatchingParameters) -> None:
    sizes, most = parameters.allowed_batch_sizes, parameters.max_execution_batch_size
    if most > parameters.max_batch_size:
        raise InputError(
            f'{path}: max_execution_batch_size: must not be above max_batch_size '
            f'{parameters.max_batch_size}: got {most}'
        )
    if most < parameters.max_batch_size and not parameters.enable_large_batch_splitting:
        raise InputError(f'{path}: max_execution_batch_size {most} needs enable_large_batch_splitting')
    if any(later <= earlier for earlier, later in itertools.pairwise(sizes)) or (sizes and sizes[0] < 1):
        raise InputError(f'{path}: allowed_batch_sizes: must be above 0 and increase: got {list(sizes)}')
    if sizes and sizes[-1] != most:
        raise InputError(
            f'{path}: allowed_batch_sizes: the last must be the largest batch, {most}: got {sizes[-1]}'
        )
