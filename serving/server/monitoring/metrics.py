"""The metrics of the server, under the names of TensorFlow Serving (util/prometheus_exporter.cc)."""

from collections.abc import Iterator, Sequence

from serving.server.monitoring.families import Counter, Histogram

_MICROSECONDS = 1e6
_LATENCY_BOUNDS = tuple(10 * 1.8**k for k in range(33))
_QUEUE_BOUNDS = tuple(100 * 1.2**k for k in range(52))
_SIZE_BOUNDS = tuple(2.0**k for k in range(15))
_SERVING = ':tensorflow:serving:'
_BATCHING = _SERVING + 'batching_session:'
_LOADS = ':tensorflow:cc:saved_model:'


class Metrics:
    """The metrics of one server; safe to use from any thread.

    Latencies are passed in seconds and stored in microseconds. Label values are kept for the life of the
    process, so never pass a model name that a client invented.
    """

    def __init__(self):
        self._requests = Counter(_SERVING + 'request_count', ('model_name', 'status'))
        self._latency = _latency('request_latency', 'model_name', 'API', 'entrypoint')
        self._runtime = _latency('runtime_latency', 'model_name', 'API', 'runtime')
        self._loads = Counter(_LOADS + 'load_attempt_count', ('model_path', 'status'))
        self._load_time = Counter(_LOADS + 'load_latency', ('model_path',))
        self._load_stages = Histogram(
            _LOADS + 'load_latency_by_stage', ('model_path', 'stage'), _LATENCY_BOUNDS
        )
        self._warmup = _latency('model_warmup_latency', 'model_path', 'status')
        self._warmup_records = Counter(_SERVING + 'model_warmup_records_read', ('model_path', 'status'))
        self._queued = Histogram(_BATCHING + 'queuing_latency', ('thread_pool_name',), _QUEUE_BOUNDS)
        self._runs = Counter(_BATCHING + 'wrapped_run_count', ())
        self._asked = Histogram(_BATCHING + 'input_batch_size', (), _SIZE_BOUNDS)
        self._processed = Histogram(_BATCHING + 'processed_batch_size', (), _SIZE_BOUNDS)
        self._padding = Histogram(_BATCHING + 'padding_size', ('execution_batch_size',), _SIZE_BOUNDS)

    def request(self, model: str, api: str, entrypoint: str, status: str, seconds: float) -> None:
        """Counts an answered request, and its latency if `status` is OK.

        Args:
            model: The name of a model that the server knows, or ''.
            api: The method, such as Predict.
            entrypoint: GRPC or REST.
            status: The name of the gRPC status code.
            seconds: The time from the arrival of the request to its answer.
        """
        self._requests.add(model, status)
        if status == 'OK':
            self._latency.observe(seconds * _MICROSECONDS, model, api, entrypoint)

    def runtime(self, model: str, api: str, seconds: float) -> None:
        """Records the time of one run of a model's graph."""
        self._runtime.observe(seconds * _MICROSECONDS, model, api, 'TF1')

    def load(self, path: str, succeeded: bool, seconds: float) -> None:
        """Counts an attempt to load a version, and its time if it succeeded."""
        self._loads.add(path, 'success' if succeeded else 'fail')
        if succeeded:
            self._load_time.add(path, by=round(seconds * _MICROSECONDS))

    def warmup(self, path: str, status: str, seconds: float) -> None:
        """Records the time of the warm-up of a version."""
        self._warmup.observe(seconds * _MICROSECONDS, path, status)

    def warmup_records(self, path: str, records: int) -> None:
        """Counts the warm-up requests that a version answered."""
        self._warmup_records.add(path, 'OK', by=records)

    def load_stage(self, path: str, stage: str, seconds: float) -> None:
        """Records the time of a stage of loading."""
        self._load_stages.observe(seconds * _MICROSECONDS, path, stage)

    def queued(self, pool: str, seconds: float) -> None:
        """Records how long a request waited for its batch to start."""
        self._queued.observe(seconds * _MICROSECONDS, pool)

    def batch(self, sizes: Sequence[int], rows: int) -> None:
        """Counts a batch.

        Args:
            sizes: The numbers of rows of its requests.
            rows: The number of rows of the run, including padding.
        """
        self._runs.add()
        for size in sizes:
            self._asked.observe(size)
        self._processed.observe(rows)
        self._padding.observe(rows - sum(sizes), str(rows))

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return '\n'.join([*self._lines(), '']).encode()

    def _lines(self) -> Iterator[str]:
        for family in vars(self).values():
            yield from family.lines()


def _latency(name: str, *labels: str) -> Histogram:
    return Histogram(_SERVING + name, labels, _LATENCY_BOUNDS)
