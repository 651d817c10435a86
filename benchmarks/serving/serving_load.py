"""Latency and throughput of the embedded server under load and during a change of versions."""

import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.common.exported_model import exported_model
from benchmarks.serving.load_client import Outcome, another_process, arrivals, closed_loop, open_loop
from benchmarks.serving.serving_process import MODEL, Server, serving, stage
from benchmarks.serving.serving_requests import contract_of, draw_requests, encode_messages
from model.config import GencoConfig
from serving.client import protos
from serving.client.request import SelectRequest
from serving.server.model_manager.servable import SessionServable
from serving.tensor_protos import decode

ADS = 100
_LONGEST_SWAP_S = 300
RATE = 100.0
_REQUESTS = 2000
_GRAPH_RUNS = 40
_SWAP_S = 40.0
_IN_FLIGHT = 128
_ROUNDS, _QUICK_ROUNDS = 8, 2
# Tuned for throughput: a batch holds half of the requests in flight while the others are being sent.
_BATCHING = """
max_batch_size { value: 128 }
max_execution_batch_size { value: 64 }
enable_large_batch_splitting { value: true }
batch_timeout_micros { value: 50000 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 1 }
"""
_SIGNATURE = 'serving_default'
_CONFIG_FILE = Path('assets.extra', 'genco.json')


def run(quick: bool) -> dict:
    """Serves a GenCO model with six components of 15 candidates each and K = 32, and sends load to it.

    The load comes from one other process on the same machine; requests are encoded beforehand. Open loops
    have Poisson arrivals and measure latency from the time at which a request was due. Closed loops keep a
    constant number of requests in flight. CPU time is the user and system time of the server.

    Args:
        quick: Whether to use short loads and few rounds.

    Returns:
        errors: The number of failed requests in all loads.
        one_ad: An open loop with one ad per request: rate (requests/s), requests, p50_ms, p90_ms, p99_ms,
            max_ms and cpu_ms (CPU time per request).
        hundred_ads: The same figures with 100 ads per request, at about half of the largest throughput, and
            outside_graph_share, 1 - graph_ms / alone_ms. Here alone_ms is the median latency of requests sent
            one after another, and graph_ms that of the graph alone, run in this process on the same ads.
        ads_per_s: The largest throughput with 100 ads per request, in a closed loop.
        swap: One ad per request while version 2 replaces version 1: errors, slowest_ms, p99_ms, times_p99
            (the slowest request divided by the p99 of one_ad), at_s (time of renaming the folder), served_s
            (time of the first answer), and `timeline`, [second, p50_ms, max_ms] per interval.
        batching: 128 requests of one ad in flight: alone_per_s and merged_per_s, the throughput in requests/s
            without and with batching in the server (means over alternating rounds), times (their ratio),
            times_of_rounds (its lowest and highest value in a round), and alone_cpu_ms and merged_cpu_ms
            (CPU time per request).
    """
    seconds = 4.0 if quick else 20.0
    export = exported_model()
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    return measure(Path(export.model), export.logs, seconds, _SWAP_S, rounds)


def measure(version: Path, logs: Path, seconds: float, swap_s: float, rounds: int) -> dict:
    """As `run`, with a given exported model and requests from given logs.

    Args:
        version: The folder of the SavedModel.
        logs: The folder of the logs, with Parquet files.
        seconds: The duration of each load.
        swap_s: The duration of the load during which the version changes, after a quarter of the time.
        rounds: The number of rounds of servers without and with batching, a quarter of `seconds` each.

    Raises:
        RuntimeError: The new version was not served before the load ended.
    """
    requests = requests_of(version, logs)
    with serving(version) as server, another_process() as client:
        one, hundred = messages_of(server, requests)
        graph_ms = _graph_ms(version, hundred[0])
        load = _Load(server, client)
        load.closed(one, seconds / 4, in_flight=2)  # The first requests of a process are slower.
        one_ad, _ = load.open(one, RATE, seconds)
        most, outcome = load.closed(hundred, seconds, in_flight=2)
        hundred_ads, _ = load.open(hundred, len(outcome.at_s) / outcome.seconds / 2, seconds)
        alone, _ = load.closed(hundred, seconds / 2, in_flight=1)
        swap = _swap(server, client, one, version, swap_s)
    batching, errors = _batching(version, one, seconds / 4, rounds)
    hundred_ads |= {
        'alone_ms': alone['p50_ms'],
        'graph_ms': graph_ms,
        'outside_graph_share': round(1 - graph_ms / alone['p50_ms'], 3),
    }
    return {
        'errors': load.errors + swap['errors'] + errors,
        'one_ad': one_ad,
        'hundred_ads': hundred_ads,
        'ads_per_s': round(ADS * most['per_s']),
        'swap': swap | {'times_p99': round(swap['slowest_ms'] / one_ad['p99_ms'], 2)},
        'batching': batching,
    }


def requests_of(version: Path, logs: Path) -> list[SelectRequest]:
    """Requests for an exported model, drawn from the logs."""
    config = GencoConfig.model_validate_json((version / _CONFIG_FILE).read_text(encoding='utf-8'))
    return draw_requests(logs, config.log_schema, _REQUESTS)


def messages_of(server: Server, requests: Sequence[SelectRequest]) -> tuple[list[bytes], list[bytes]]:
    """Messages with one ad each, and messages with 100 ads each."""
    contract = contract_of(server.address, MODEL)
    single, many = (encode_messages(requests, ads, contract, MODEL) for ads in (1, ADS))
    return single, many


class _Load:
    """Sends loads to a server, one after another, and counts their errors."""

    def __init__(self, server: Server, client: Pool):
        self.errors = 0
        self._server = server
        self._client = client

    def open(self, messages: Sequence[bytes], rate: float, seconds: float) -> tuple[dict, Outcome]:
        figures, outcome = self._measure(open_loop, messages, arrivals(rate, seconds))
        return {'rate': round(rate, 1)} | figures, outcome

    def closed(self, messages: Sequence[bytes], seconds: float, in_flight: int) -> tuple[dict, Outcome]:
        figures, outcome = self._measure(closed_loop, messages, seconds, in_flight)
        return {'per_s': len(outcome.at_s) / outcome.seconds} | figures, outcome

    def _measure(self, load: Callable[..., Outcome], messages, *arguments) -> tuple[dict, Outcome]:
        cpu = self._server.cpu_s()
        outcome = self._client.apply(load, (self._server.address, messages, *arguments))
        cpu = self._server.cpu_s() - cpu
        self.errors += outcome.errors
        return _figures(outcome) | {'cpu_ms': round(1000 * cpu / len(outcome.at_s), 2)}, outcome


def _figures(outcome: Outcome) -> dict:
    percentiles = {'p50_ms': 50, 'p90_ms': 90, 'p99_ms': 99, 'max_ms': 100}
    return {'requests': len(outcome.at_s)} | {
        name: outcome.percentile_ms(percent) for name, percent in percentiles.items()
    }


def _swap(server: Server, client: Pool, messages: Sequence[bytes], version: Path, seconds: float) -> dict:
    staged = stage(version, server.base_path, 2)
    due = arrivals(RATE, seconds)
    began = time.monotonic()
    answers = client.apply_async(open_loop, (server.address, messages, due))
    time.sleep(seconds / 4)
    staged.rename(server.base_path / '2')
    renamed_s = time.monotonic() - began
    outcome = answers.get()
    errors = outcome.errors
    # On a machine that has more to do, loading takes longer than the load: the load is then repeated.
    while not (outcome.version == 2).any():
        if time.monotonic() - began > _LONGEST_SWAP_S:
            raise RuntimeError(f'the second version was not served within {_LONGEST_SWAP_S} s')
        outcome = client.apply(open_loop, (server.address, messages, due))
        errors += outcome.errors
        renamed_s = 0.0
    new = outcome.at_s[outcome.version == 2]
    return {
        'errors': errors,
        'slowest_ms': outcome.percentile_ms(100),
        'p99_ms': outcome.percentile_ms(99),
        'at_s': round(renamed_s, 2),
        'served_s': round(float(new[0]), 2),
        'timeline': timeline(outcome),
    }


def _batching(version: Path, messages: Sequence[bytes], seconds: float, rounds: int) -> tuple[dict, int]:
    """The figures of batching, and the number of failed requests."""
    with tempfile.NamedTemporaryFile('w', suffix='.config') as file:
        file.write(_BATCHING)
        file.flush()
        merging = ('--enable_batching', '--batching_parameters_file', file.name)
        runs = [_most(version, messages, seconds, flags) for _ in range(rounds) for flags in ((), merging)]
    (alone, alone_cpu, _), (merged, merged_cpu, _) = (np.mean(runs[k::2], 0) for k in (0, 1))
    times = [after / before for (before, *_), (after, *_) in zip(runs[::2], runs[1::2])]
    figures = {
        'alone_per_s': round(alone),
        'merged_per_s': round(merged),
        'times': round(merged / alone, 2),
        'times_of_rounds': [round(min(times), 2), round(max(times), 2)],
        'alone_cpu_ms': round(alone_cpu, 2),
        'merged_cpu_ms': round(merged_cpu, 2),
    }
    return figures, sum(errors for *_, errors in runs)


def _most(version: Path, messages: Sequence[bytes], seconds: float, flags: Sequence[str]) -> tuple:
    """Largest throughput with the given flags (requests/s), CPU ms per request, and failed requests."""
    with serving(version, *flags) as server, another_process() as client:
        load = _Load(server, client)
        load.closed(messages, seconds / 2, in_flight=2)
        figures, _ = load.closed(messages, seconds, _IN_FLIGHT)
    return figures['per_s'], figures['cpu_ms'], load.errors


def timeline(outcome: Outcome, interval_s: float = 0.2) -> list[list[float]]:
    """Latency over time: [second, p50_ms, max_ms] of every interval with requests."""
    place = (outcome.at_s // interval_s).astype(int)
    return [
        [round(p * interval_s, 2), round(float(np.median(ms)), 2), round(float(ms.max()), 2)]
        for p in np.unique(place)
        for ms in [outcome.latency_ms[place == p]]
    ]


def _graph_ms(version: Path, message: bytes) -> float:
    """Median time in ms to run the graph alone on a request in this process, with nothing else running."""
    servable = SessionServable(version)
    signature = servable.signatures[_SIGNATURE]
    inputs = {
        name: decode(tensor) for name, tensor in protos.PredictRequest.FromString(message).inputs.items()
    }
    outputs = sorted(signature.outputs)
    times = []
    for _ in range(_GRAPH_RUNS):
        began = time.perf_counter()
        servable.run(signature, inputs, outputs)
        times.append(time.perf_counter() - began)
    servable.close()
    return round(1000 * median(times), 2)
