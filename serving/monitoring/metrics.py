"""What the server counts and times, under the names of TensorFlow Serving (util/prometheus_exporter.cc)."""

from collections.abc import Iterator

from serving.monitoring.families import Counter, Histogram

_MICROSECONDS = 1e6
_LATENCY_BOUNDS = tuple(10 * 1.8**k for k in range(33))
_SERVING = ':tensorflow:serving:'
_LOADS = ':tensorflow:cc:saved_model:'


class Metrics:
    """Metrics of one server; safe to use from any thread. Latencies are given in seconds and kept in us.

    Label values are kept for the life of the process: give no model name that a client made up.
    """

    def __init__(self):
        self._requests = Counter(_SERVING + 'request_count', ('model_name', 'status'))
        self._latency = _latency('request_latency', 'model_name', 'API', 'entrypoint')
        self._runtime = _latency('runtime_latency', 'model_name', 'API', 'runtime')
        self._loads = Counter(_LOADS + 'load_attempt_count', ('model_path', 'status'))
        self._load_time = Counter(_LOADS + 'load_latency', ('model_path',))
        self._warmup = _latency('model_warmup_latency', 'model_path', 'status')
        self._families = (
            self._requests,
            self._latency,
            self._runtime,
            self._loads,
            self._load_time,
            self._warmup,
        )

    def request(self, model: str, api: str, entrypoint: str, status: str, seconds: float) -> None:
        """Counts a request that was answered; its latency too where `status` is OK.

        Args:
            model: name of a model that the server knows, or ''.
            api: such as Predict.
            entrypoint: GRPC or REST.
            status: name of the status code of gRPC.
            seconds: from the request's arrival to its answer.
        """
        self._requests.add(model, status)
        if status == 'OK':
            self._latency.observe(seconds * _MICROSECONDS, model, api, entrypoint)

    def runtime(self, model: str, api: str, seconds: float) -> None:
        """Times one run of a model's graph."""
        self._runtime.observe(seconds * _MICROSECONDS, model, api, 'TF1')

    def load(self, path: str, succeeded: bool, seconds: float) -> None:
        """Counts an attempt to load a version, and its time where it succeeded."""
        self._loads.add(path, 'success' if succeeded else 'fail')
        if succeeded:
            self._load_time.add(path, by=round(seconds * _MICROSECONDS))

    def warmup(self, path: str, status: str, seconds: float) -> None:
        """Times the warm-up of a version."""
        self._warmup.observe(seconds * _MICROSECONDS, path, status)

    def render(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return '\n'.join([*self._lines(), '']).encode()

    def _lines(self) -> Iterator[str]:
        for family in self._families:
            yield from family.lines()


def _latency(name: str, *labels: str) -> Histogram:
    return Histogram(_SERVING + name, labels, _LATENCY_BOUNDS)
