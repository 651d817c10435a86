"""Makes `grpc.aio` answer unreadable messages with INTERNAL, like `grpc`, instead of UNKNOWN."""

import asyncio
import functools
from collections.abc import Iterable

import grpc
from google.protobuf.message import DecodeError

_UNREADABLE = 'Exception deserializing request!'


class DecodingServer:
    """A server to which services are added, with their unary methods wrapped.

    Args:
        server: The server that gets the services.
    """

    def __init__(self, server: grpc.aio.Server):
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Adds the handlers of a service."""
        self._server.add_generic_rpc_handlers([_Handlers(handler) for handler in handlers])

    def add_registered_method_handlers(self, service: str, handlers: dict) -> None:
        """Does nothing: the generic handlers find the same methods."""


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, handlers: grpc.GenericRpcHandler):
        self._handlers = handlers
        self._known: dict[str, grpc.RpcMethodHandler] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method not in self._known:
            handler = self._handlers.service(details)
            if handler is None or not handler.unary_unary:
                return handler
            self._known[details.method] = _tolerant(handler)
        return self._known[details.method]


def _tolerant(handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
    answer = _tolerant_coroutine if asyncio.iscoroutinefunction(handler.unary_unary) else _tolerant_function
    return grpc.unary_unary_rpc_method_handler(
        answer(handler.unary_unary),
        functools.partial(_read, handler.request_deserializer),
        handler.response_serializer,
    )


def _read(deserialize, message: bytes):
    try:
        return deserialize(message)
    except DecodeError:
        return None


def _tolerant_coroutine(method):
    async def answer(request, context):
        if request is None:
            return await context.abort(grpc.StatusCode.INTERNAL, _UNREADABLE)
        return await method(request, context)

    return answer


def _tolerant_function(method):
    def answer(request, context):
        if request is None:
            return context.abort(grpc.StatusCode.INTERNAL, _UNREADABLE)
        return method(request, context)

    return answer
