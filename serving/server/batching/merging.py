"""Merges requests into one and splits the outputs again. Dimension 0 of every tensor is the rows."""

from collections.abc import Sequence

import grpc
import numpy as np

from serving.server.status_errors import StatusError, invalid
from serving.tensor_protos import Tensor, Tensors, concatenate


def rows_of(inputs: Tensors) -> int:
    """The number of rows of a request.

    Raises:
        StatusError: A tensor is a scalar, or the tensors differ in dimension 0 (INVALID_ARGUMENT).
    """
    shapes = [tensor.shape for tensor in inputs.values()]
    if () in shapes:
        raise invalid('Batching Run() input tensors must have at least one dimension')
    sizes = {shape[0] for shape in shapes}
    if len(sizes) != 1:
        raise invalid('Batching Run() input tensors must have equal 0th-dimension size')
    return sizes.pop()


def kind_of(inputs: Tensors, padded: bool) -> tuple:
    """A key that is equal for requests that can be merged.

    It holds the names of the inputs in their order, their types, and the sizes of their dimensions other than
    0, or with padding only the number of dimensions.
    """
    return tuple(
        [
            (name, tensor.dtype.char, len(tensor.shape) if padded else tensor.shape[1:])
            for name, tensor in inputs.items()
        ]
    )


def merged(requests: Sequence[Tensors], rows: int) -> dict[str, np.ndarray]:
    """Merges requests into one of `rows` rows; copies of the first row of the last request fill it up.

    Args:
        requests: Requests with the same `kind_of`. Dimensions that differ are padded with 0 or ''.
        rows: The number of rows of the result, at least as many as the requests have.
    """
    return {name: _concatenated([request[name] for request in requests], rows) for name in requests[0]}


def parted(outputs: Sequence[np.ndarray], sizes: Sequence[int], rows: int) -> list[list[np.ndarray]]:
    """Splits the outputs of a merged run into those of each request.

    Args:
        outputs: The outputs of the run.
        sizes: The numbers of rows of the requests.
        rows: The number of rows of the run.

    Raises:
        StatusError: An output does not have `rows` rows (FAILED_PRECONDITION).
    """
    for array in outputs:
        if array.ndim == 0:
            raise _failed('Batched output tensor has 0 dimensions')
        if len(array) != rows:
            raise _failed(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of "
                'the input tensors'
            )
    ends = np.cumsum(sizes)
    return [[array[end - size : end] for array in outputs] for size, end in zip(sizes, ends)]


def _concatenated(parts: Sequence[Tensor], rows: int) -> np.ndarray:
    inner = tuple(max(sizes) for sizes in zip(*(part.shape[1:] for part in parts)))
    count, last = sum(part.shape[0] for part in parts), parts[-1].shape[0]
    if all(part.shape[1:] == inner for part in parts):
        joined = concatenate(parts)
        if count == rows:
            return joined
        parts = [joined]
    first = np.asarray(parts[0])
    whole = np.full((rows, *inner), b'' if first.dtype == object else 0, first.dtype)
    start = 0
    for part in map(np.asarray, parts):
        whole[slice(start, start + len(part)), *map(slice, part.shape[1:])] = part
        start += len(part)
    if count < rows:
        whole[count:] = whole[count - last]
    return whole


def _failed(message: str) -> StatusError:
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)
