"""Reads the file of a SavedModel and keeps its functions as bytes."""

from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from serving.server.text_protos import message_class

_FILE = 'saved_model.pb'
# The fields of TensorFlow's messages that lead to the functions. On the wire, a nested message is bytes;
# fields that are not named here are preserved.
_PROTO = """
name: "genco/saved_model.proto" package: "genco.saved_model" syntax: "proto3"
message_type {
  name: "SavedModel" field { name: "meta_graphs" number: 2 label: LABEL_REPEATED type: TYPE_BYTES }
}
message_type {
  name: "MetaGraphDef" field { name: "graph_def" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES }
}
message_type {
  name: "GraphDef" field { name: "library" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES }
}
message_type {
  name: "FunctionDefLibrary" field { name: "function" number: 1 label: LABEL_REPEATED type: TYPE_BYTES }
}
"""
_SavedModel, _MetaGraph, _Graph, _Library = (
    message_class(_PROTO, f'genco.saved_model.{name}')
    for name in ('SavedModel', 'MetaGraphDef', 'GraphDef', 'FunctionDefLibrary')
)


def read_saved_model(path: Path) -> tuple[SavedModel, list[list[bytes]]]:
    """Reads a SavedModel without its functions, and the functions of each of its graphs.

    Functions make up nearly the whole file; parsing them would hold Python's global lock ten times as long.

    Args:
        path: The folder of the SavedModel.

    Returns:
        The SavedModel, and the serialized `FunctionDef`s of each graph.

    Raises:
        OSError: The file cannot be read or is not a SavedModel.
    """
    file = path / _FILE
    try:
        whole = _SavedModel.FromString(file.read_bytes())
        parts = [_part(meta_graph) for meta_graph in whole.meta_graphs]
        whole.meta_graphs[:] = [meta_graph for meta_graph, _ in parts]
        return SavedModel.FromString(whole.SerializeToString()), [functions for _, functions in parts]
    except DecodeError as error:
        raise OSError(f'Cannot parse file {file}: {error}') from error


def _part(serialized: bytes) -> tuple[bytes, list[bytes]]:
    """Separates a serialized MetaGraphDef from its functions."""
    meta_graph = _MetaGraph.FromString(serialized)
    graph = _Graph.FromString(meta_graph.graph_def)
    functions = list(_Library.FromString(graph.library).function)
    graph.ClearField('library')
    meta_graph.graph_def = graph.SerializeToString()
    return meta_graph.SerializeToString(), functions
