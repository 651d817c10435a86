"""Loads a SavedModel into a session without delaying the requests of other versions."""

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

from serving.server.model_manager import gc_tuning
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
    """Loads the graph and variables and runs the initializers, like `tf.compat.v1.saved_model.load`.

    That function infers shapes through all functions and so holds Python's global lock, and with it all
    requests, for half a second. Here nodes are imported before the functions that they call, and so get no
    shapes, which only callers in Python would need. Steps that hold the lock are short. Between them are
    pauses in which a running request, which needs the lock several times, can end; meanwhile threads switch
    more often.

    Args:
        session: A session with an empty graph.
        path: The folder of the SavedModel.
        observe: A function called with the name of each stage, as in TensorFlow Serving, and its seconds.

    Returns:
        The loaded MetaGraphDef, without its functions.

    Raises:
        Exception: A file is damaged; the type depends on the damage.
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
    gc_tuning.release_memory()
    restored = time.perf_counter()
    loader.run_init_ops(session, _TAGS)
    observe('restore_graph', restored - start)
    observe('init_graph', time.perf_counter() - restored)
    return meta_graph


class _Loader(SavedModelLoader):
    """TensorFlow's loader for a SavedModel that has already been read."""

    def __init__(self, path: Path, saved_model: SavedModel):
        self._export_dir = str(path)
        self._variables_path = path_helpers.get_variables_path(str(path))
        self._saved_model = saved_model


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    """Makes Python switch between threads more often within the block."""
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
