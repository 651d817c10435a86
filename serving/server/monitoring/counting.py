"""Counts and times requests."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

from serving.server.monitoring.metrics import Metrics
from serving.server.status_errors import StatusError


@contextlib.contextmanager
def counted(metrics: Metrics, model: str, api: str, entrypoint: str) -> Iterator[None]:
    """Counts and times the request that the block answers, with the status in which the block ends.

    Args:
        metrics: The metrics that count the request.
        model: The name of a model that the server knows, or ''.
        api: The method, such as Predict.
        entrypoint: GRPC or REST.
    """
    start, status = time.perf_counter(), 'UNKNOWN'
    try:
        yield
        status = 'OK'
    except StatusError as error:
        status = error.code.name
        raise
    except asyncio.CancelledError:
        status = 'CANCELLED'
        raise
    finally:
        metrics.request(model, api, entrypoint, status, time.perf_counter() - start)
