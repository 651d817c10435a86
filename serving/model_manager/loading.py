"""Loads a SavedModel into a session without holding up the requests of other versions."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

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
        loader = SavedModelLoader(str(path))
        time.sleep(_PAUSE_S)
        meta_graph = loader.get_meta_graph_def_from_tags(_TAGS)
        functions = list(meta_graph.graph_def.library.function)
        meta_graph.graph_def.ClearField('library')
        time.sleep(_PAUSE_S)
        saver, _ = loader.load_graph(session.graph, _TAGS)
        for number, function in enumerate(functions):
            if number % _FUNCTIONS_AT_ONCE == 0:
                time.sleep(_PAUSE_S)
            _add(session.graph, function.SerializeToString())
        loader.restore_variables(session, saver)
    restored = time.perf_counter()
    loader.run_init_ops(session, _TAGS)
    observe('restore_graph', restored - start)
    observe('init_graph', time.perf_counter() - restored)
    return meta_graph


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
