import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.server.monitoring.metrics import Metrics


def _samples(metrics):
    # The parser appends `_total` to counters that lack it.
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (
            sample.name.removeprefix(':tensorflow:serving:').removesuffix('_total'),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_status_and_timed_where_they_succeed():
    metrics = Metrics()
    for status, seconds in (('OK', 15e-6), ('OK', 1.0), ('NOT_FOUND', 1.0)):
        metrics.request('genco', 'Predict', 'REST', status, seconds)
    samples = _samples(metrics)
    labels = (('API', 'Predict'), ('entrypoint', 'REST'), ('model_name', 'genco'))
    assert samples['request_count', (('model_name', 'genco'), ('status', 'OK'))] == 2
    assert samples['request_count', (('model_name', 'genco'), ('status', 'NOT_FOUND'))] == 1
    assert (
        b':tensorflow:serving:request_count{model_name="genco",status="OK"} 2'
        in metrics.render().splitlines()
    )
    assert samples['request_latency_count', labels] == 2
    assert samples['request_latency_sum', labels] == pytest.approx(1_000_015)
    buckets = {dict(key)['le']: v for (name, key), v in samples.items() if name == 'request_latency_bucket'}
    assert len(buckets) == 34
    assert (buckets['10.0'], buckets['18.0'], buckets['+Inf']) == (0, 1, 2)


def test_load_warmup_and_runtime():
    metrics = Metrics()
    metrics.load('/models/1', True, 0.5)
    metrics.load('/models/2', False, 0.5)
    metrics.load_stage('/models/1', 'restore_graph', 0.125)
    metrics.warmup('/models/1', 'OK', 0.25)
    metrics.warmup_records('/models/1', 9)
    metrics.runtime('genco', 'Predict', 0.001)
    samples = _samples(metrics)
    loads = ':tensorflow:cc:saved_model:load_attempt_count'
    assert samples[loads, (('model_path', '/models/1'), ('status', 'success'))] == 1
    assert samples[loads, (('model_path', '/models/2'), ('status', 'fail'))] == 1
    assert samples[':tensorflow:cc:saved_model:load_latency', (('model_path', '/models/1'),)] == 500_000
    assert samples['model_warmup_latency_sum', (('model_path', '/models/1'), ('status', 'OK'))] == 250_000
    stage = (('model_path', '/models/1'), ('stage', 'restore_graph'))
    assert samples[':tensorflow:cc:saved_model:load_latency_by_stage_sum', stage] == 125_000
    assert samples['model_warmup_records_read', (('model_path', '/models/1'), ('status', 'OK'))] == 9
    labels = (('API', 'Predict'), ('model_name', 'genco'), ('runtime', 'TF1'))
    assert samples['runtime_latency_sum', labels] == pytest.approx(1000)


def test_label_values_are_escaped():
    metrics = Metrics()
    name = 'a"b\\c\nd'
    metrics.request(name, 'Predict', 'GRPC', 'INTERNAL', 0)
    assert _samples(metrics)['request_count', (('model_name', name), ('status', 'INTERNAL'))] == 1


def test_no_count_is_lost_between_threads():
    metrics = Metrics()

    def count():
        for _ in range(500):
            metrics.request('genco', 'Predict', 'GRPC', 'OK', 1e-3)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _samples(metrics)['request_count', (('model_name', 'genco'), ('status', 'OK'))] == 2000
