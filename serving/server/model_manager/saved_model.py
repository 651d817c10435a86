"""Reads the file of a SavedModel and leaves its functions as bytes."""

from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from serving.server.text_protos import message_class

_FILE = 'saved_model.pb'
# Of TensorFlow's messages the fields on the way to the functions. Messages within messages are bytes on the
# wire; fields that are not named here are kept as they are.
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
    """A SavedModel without functions, and the functions of each of its graphs.

    Functions are nearly all of a file, and to parse them holds Python's lock ten times as long as this does.

    Args:
        path: folder of the SavedModel.

    Returns:
        The SavedModel, and serialized `FunctionDef`s by graph.

    Raises:
        OSError: the file cannot be read, or is none.
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
    """A serialized MetaGraphDef without its functions, and these."""
    meta_graph = _MetaGraph.FromString(serialized)
    graph = _Graph.FromString(meta_graph.graph_def)
    functions = list(_Library.FromString(graph.library).function)
    graph.ClearField('library')
    meta_graph.graph_def = graph.SerializeToString()
    return meta_graph.SerializeToString(), functions
