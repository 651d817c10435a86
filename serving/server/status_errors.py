"""Errors of the server, each with the status that a client sees."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import grpc
import tensorflow as tf

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LONGEST_MESSAGE = 1024


class StatusError(Exception):
    """A request or a load that fails, with a code of gRPC and a message.

    Messages may quote the request; they are cut as TensorFlow Serving cuts them, or gRPC would refuse to
    deliver them.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        if len(message) > _LONGEST_MESSAGE:
            message = f'{message[:_LONGEST_MESSAGE]}...TRUNCATED'
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> StatusError:
    """The error of a request, or a file of a version, that breaks a rule."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


@contextlib.contextmanager
def as_status() -> Iterator[None]:
    """Turns an error of a TensorFlow op into a `StatusError` of the same code."""
    try:
        yield
    except tf.errors.OpError as error:
        raise StatusError(_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), error.message) from error


def rpc(method: Callable) -> Callable:
    """Makes a method of a gRPC service answer a `StatusError` with its status."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            return method(self, request, context)
        except StatusError as error:
            context.abort(error.code, error.message)

    return answer


def async_rpc(method: Callable) -> Callable:
    """As `rpc`, of a coroutine."""

    @functools.wraps(method)
    async def answer(self, request, context):
        try:
            return await method(self, request, context)
        except StatusError as error:
            await context.abort(error.code, error.message)

    return answer
