"""Loads a SavedModel into a session without holding up the requests of other versions."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.saved_model import path_helpers
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

from serving.server.model_manager import gc_tuning as memory
from serving.server.model_manager.saved_model import read_saved_model

_TAGS = ['serve']
_FUNCTIONS_AT_ONCE = 16
_PAUSE_S = 0.01  # longer than a request takes
_SWITCH_S, _USUAL_SWITCH_S = 0.0002, sys.getswitchinterval()


def load_into(
    session: tf.compat.v1.Session,
    path: Path,
    observe: Callable[[str, float], None] = lambda stage, seconds: None,
) -> MetaGraphDef:
    """Loads graph and variables, and runs the initializers; as `tf.compat.v1.saved_model.load`, which holds
    Python's lock for half a second while it infers shapes through all functions, and all requests with it.

    Imported before the functions that they call, nodes get no shapes, which only callers in Python would ask
    for. Steps that hold the lock are short, with pauses between them in which a request under way, which
    needs the lock several times, can end; meanwhile threads take turns with it more often than usually.

    Args:
        session: with an empty graph of its own.
        path: folder of the SavedModel.
        observe: is told the stages, as TensorFlow Serving names them, and the seconds of each.

    Returns:
        What was loaded, without its functions.

    Raises:
        Exception: of many kinds, where a file is damaged.
    """
    start = time.perf_counter()
    with _short_turns():
        saved_model, functions = read_saved_model(path)
        loader = _Loader(path, saved_model)
        meta_graph = loader.get_meta_graph_def_from_tags(_TAGS)
        time.sleep(_PAUSE_S)
        saver, _ = loader.load_graph(session.graph, _TAGS)
        for number, function in enumerate(functions[list(saved_model.meta_graphs).index(meta_graph)]):
            if number % _FUNCTIONS_AT_ONCE == 0:
                time.sleep(_PAUSE_S)
            _add(session.graph, function)
        loader.restore_variables(session, saver)
    memory.give_back()
    restored = time.perf_counter()
    loader.run_init_ops(session, _TAGS)
    observe('restore_graph', restored - start)
    observe('init_graph', time.perf_counter() - restored)
    return meta_graph


class _Loader(SavedModelLoader):
    """TensorFlow's loader, of a SavedModel that was read already."""

    def __init__(self, path: Path, saved_model: SavedModel):
        self._export_dir = str(path)
        self._variables_path = path_helpers.get_variables_path(str(path))
        self._saved_model = saved_model


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    """Makes Python's threads change turns more often."""
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL_SWITCH_S)


def _add(graph: tf.Graph, serialized: bytes) -> None:
    function = pywrap_tf_session.TF_FunctionImportFunctionDef(serialized)
    with graph._c_graph.get() as c_graph:
        pywrap_tf_session.TF_GraphCopyFunction(c_graph, function, None)
    pywrap_tf_session.TF_DeleteFunction(function)
