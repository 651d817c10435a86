"""The registry without a server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.server.model_manager.manager import ModelManager
from serving.server.model_manager.served_models import ServedModel
from serving.server.monitoring.metrics import Metrics
from serving.server.services.model_registry import ModelRegistry
from serving.server.version_loader import VersionLoader
from tests.serving.helpers import PATIENCE_S, push


def test_reloads_at_once_make_a_model_once(exported, base_path):
    push(exported[0], base_path, 1)
    made, loading, go_on = [], threading.Event(), threading.Event()

    def load(folder):
        loading.set()
        assert go_on.wait(PATIENCE_S)
        return VersionLoader(Metrics())(folder)

    def manage(model):
        made.append(model)
        return ModelManager(model, load)

    registry, model = ModelRegistry(manage), ServedModel('genco', base_path)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.reload, [model])
        assert loading.wait(PATIENCE_S)
        second = pool.submit(registry.reload, [model])
        with pytest.raises(TimeoutError):
            second.result(0.2)
        go_on.set()
        for reload in (first, second):
            reload.result(PATIENCE_S)
    assert made == [model]
    assert registry.manager('genco').serves()
    registry.close()
