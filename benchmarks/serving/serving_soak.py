"""Memory of the embedded server under sustained load."""

import time
from collections.abc import Mapping, Sequence
from multiprocessing.pool import AsyncResult
from pathlib import Path

from benchmarks.common.exported_model import exported_model
from benchmarks.serving.load_client import another_process, arrivals, closed_loop, open_loop
from benchmarks.serving.serving_load import messages_of, requests_of
from benchmarks.serving.serving_process import Server, serving

_PROBE_S = 5.0
_WARMUP_S = 60.0
_MOST_GROWTH = 0.05
_SAMPLES = 240


def run(quick: bool, minutes: float) -> dict:
    """Sends requests of one ad at half of the largest throughput and observes the server's resident memory.

    Args:
        quick: Whether to run for half a minute, whatever `minutes` is.
        minutes: The duration, including a warm-up of one minute, or of a third of the duration if that is
            shorter, in which caches fill.

    Returns:
        rate, requests, errors, p50_ms, p99_ms: The requests/s, and figures of these requests.
        failures: The number of errors by gRPC status code.
        cpu_ms: The CPU time of the server per request.
        seconds: The duration of the load.
        resident_mib: The resident memory after the warm-up.
        growth: The largest change of it after that, as a fraction.
        timeline: [second, resident MiB] of every sample.
        missed: The missed aims, one line each: all requests must be answered, and memory must not change by
            more than 5 %.
    """
    seconds = 30.0 if quick else 60.0 * minutes
    export = exported_model()
    return measure(Path(export.model), export.logs, seconds)


def measure(version: Path, logs: Path, seconds: float) -> dict:
    """As `run`, with a given exported model, requests from given logs and a given duration."""
    requests = requests_of(version, logs)
    with serving(version) as server, another_process() as client:
        messages, _ = messages_of(server, requests)
        most = client.apply(closed_loop, (server.address, messages, min(_PROBE_S, seconds / 4), 4))
        rate = len(most.at_s) / most.seconds / 2
        cpu = server.cpu_s()
        load = client.apply_async(open_loop, (server.address, messages, arrivals(rate, seconds)))
        memory = _watch(server, load, seconds)
        outcome = load.get()
        cpu = server.cpu_s() - cpu
    resident, growth = growth_of(memory, min(_WARMUP_S, seconds / 3))
    return {
        'rate': round(rate, 1),
        'requests': len(outcome.at_s),
        'errors': outcome.errors,
        'failures': outcome.failures,
        'p50_ms': outcome.percentile_ms(50),
        'p99_ms': outcome.percentile_ms(99),
        'cpu_ms': round(1000 * cpu / len(outcome.at_s), 2),
        'seconds': round(outcome.seconds),
        'resident_mib': round(resident),
        'growth': round(growth, 4),
        'timeline': memory,
        'missed': _missed(outcome.failures, growth),
    }


def growth_of(memory: Sequence[Sequence[float]], warmup_s: float) -> tuple[float, float]:
    """Resident memory at the end of the warm-up, and its largest relative change after that."""
    later = [mib for second, mib in memory if second >= warmup_s]
    return later[0], max(abs(mib / later[0] - 1) for mib in later)


def _watch(server: Server, load: AsyncResult, seconds: float) -> list[list[float]]:
    began = time.monotonic()
    memory = []
    while not load.ready():
        memory.append([round(time.monotonic() - began, 1), round(server.resident_mib(), 1)])
        load.wait(seconds / _SAMPLES)
    return memory


def _missed(failures: Mapping[str, int], growth: float) -> list[str]:
    missed = [f'{count} requests failed, {code}' for code, count in sorted(failures.items())]
    if growth > _MOST_GROWTH:
        missed.append(f'resident memory changed by {growth:.1%}, more than {_MOST_GROWTH:.0%}')
    return missed
