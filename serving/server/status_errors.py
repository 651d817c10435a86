"""The errors of the server, each with the status that a client sees."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import grpc
import tensorflow as tf

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LONGEST_MESSAGE = 1024


class StatusError(Exception):
    """A failed request or a version that failed to load, with a gRPC status code and a message.

    A message may quote the request. Long ones are truncated as in TensorFlow Serving; otherwise gRPC would
    refuse to deliver them.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        if len(message) > _LONGEST_MESSAGE:
            message = f'{message[:_LONGEST_MESSAGE]}...TRUNCATED'
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> StatusError:
    """The error of a request, or of a file of a version, that breaks a rule: INVALID_ARGUMENT."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


@contextlib.contextmanager
def as_status() -> Iterator[None]:
    """Turns the error of a TensorFlow op into a `StatusError` with the same code."""
    try:
        yield
    except tf.errors.OpError as error:
        raise StatusError(_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), error.message) from error


def rpc(method: Callable) -> Callable:
    """Makes a method of a gRPC service end the call with the status of a `StatusError` that it raises."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            return method(self, request, context)
        except StatusError as error:
            context.abort(error.code, error.message)

    return answer


def async_rpc(method: Callable) -> Callable:
    """The same as `rpc` for a coroutine."""

    @functools.wraps(method)
    async def answer(self, request, context):
        try:
            return await method(self, request, context)
        except StatusError as error:
            await context.abort(error.code, error.message)

    return answer
