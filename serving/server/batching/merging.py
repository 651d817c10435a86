"""Several requests as one, and the answers apart again. Dimension 0 of every tensor is the rows."""

from collections.abc import Sequence

import grpc
import numpy as np

from serving.server.status_errors import StatusError, invalid
from serving.tensor_protos import Tensor, Tensors, concatenate


def rows_of(inputs: Tensors) -> int:
    """The rows of a request.

    Raises:
        StatusError: INVALID_ARGUMENT, a tensor has no dimension, or they do not agree in the first.
    """
    shapes = [tensor.shape for tensor in inputs.values()]
    if () in shapes:
        raise invalid('Batching Run() input tensors must have at least one dimension')
    sizes = {shape[0] for shape in shapes}
    if len(sizes) != 1:
        raise invalid('Batching Run() input tensors must have equal 0th-dimension size')
    return sizes.pop()


def kind_of(inputs: Tensors, padded: bool) -> tuple:
    """What requests must have in common to be merged: types, and other dimensions, or their number; and the
    order of their inputs."""
    return tuple(
        [
            (name, tensor.dtype.char, len(tensor.shape) if padded else tensor.shape[1:])
            for name, tensor in inputs.items()
        ]
    )


def merged(requests: Sequence[Tensors], rows: int) -> dict[str, np.ndarray]:
    """One request of `rows` rows: all of them, then copies of the first row of the last.

    Args:
        requests: of one kind. Dimensions that differ are padded with 0 or ''.
        rows: at least as many as they have.
    """
    return {name: _concatenated([request[name] for request in requests], rows) for name in requests[0]}


def parted(outputs: Sequence[np.ndarray], sizes: Sequence[int], rows: int) -> list[list[np.ndarray]]:
    """The outputs of each request, of those of a merged run.

    Args:
        outputs: of the run.
        sizes: rows of the requests.
        rows: of the run.

    Raises:
        StatusError: FAILED_PRECONDITION, an output is not of so many rows.
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
    if any(part.shape[1:] != inner for part in parts):
        parts = [_enlarged(np.asarray(part), (part.shape[0], *inner)) for part in parts]
    whole = concatenate(parts)
    count = len(whole)
    if count < rows:
        whole = _enlarged(whole, (rows, *inner))
        whole[count:] = whole[count - parts[-1].shape[0]]
    return whole


def _enlarged(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    larger = np.full(shape, b'' if array.dtype == object else 0, array.dtype)
    larger[tuple(slice(size) for size in array.shape)] = array
    return larger


def _failed(message: str) -> StatusError:
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)
