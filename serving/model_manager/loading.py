"""Loads a SavedModel into a session without holding up the requests of other versions."""

import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

_TAGS = ['serve']


def load_into(
    session: tf.compat.v1.Session,
    path: Path,
    observe: Callable[[str, float], None] = lambda stage, seconds: None,
) -> MetaGraphDef:
    """Loads graph and variables, and runs the initializers; as `tf.compat.v1.saved_model.load`, which holds
    Python's lock for half a second while it infers shapes through all functions, and all requests with it.

    Imported before the functions that they call, nodes get no shapes, which only callers in Python would ask
    for; and the functions come one by one, so that the lock is let go between them.

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
    loader = SavedModelLoader(str(path))
    meta_graph = loader.get_meta_graph_def_from_tags(_TAGS)
    functions = list(meta_graph.graph_def.library.function)
    meta_graph.graph_def.ClearField('library')
    saver, _ = loader.load_graph(session.graph, _TAGS)
    for function in functions:
        _add(session.graph, function.SerializeToString())
    loader.restore_variables(session, saver)
    restored = time.perf_counter()
    loader.run_init_ops(session, _TAGS)
    observe('restore_graph', restored - start)
    observe('init_graph', time.perf_counter() - restored)
    return meta_graph


def _add(graph: tf.Graph, serialized: bytes) -> None:
    function = pywrap_tf_session.TF_FunctionImportFunctionDef(serialized)
    with graph._c_graph.get() as c_graph:
        pywrap_tf_session.TF_GraphCopyFunction(c_graph, function, None)
    pywrap_tf_session.TF_DeleteFunction(function)
