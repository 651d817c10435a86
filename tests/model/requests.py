"""Requests to the exported model of the conftest."""

import pyarrow as pa
import tensorflow as tf

from model.export.request_tensors import content_spec, request_spec
from tests.model.conftest import SCHEMA


def request_of(logs: pa.RecordBatch, rows: int, seed: int = 7) -> dict[str, tf.Tensor]:
    """A request for the first rows of a log; it brings no content."""
    chosen = logs.slice(0, rows)
    request = {'seed': tf.fill([rows], tf.constant(seed, tf.int64)), **no_content(rows)}
    for name, spec in request_spec(SCHEMA).items():
        if name not in request:
            values = chosen[name].to_pylist()
            if spec.shape.rank == 2:
                request[name] = padded(values)
            else:
                request[name] = tf.constant([v if v is not None else '' for v in values], spec.dtype)
    return request


def no_content(rows: int) -> dict[str, tf.Tensor]:
    specs = [content_spec(component) for component in SCHEMA.components]
    return {
        name: tf.zeros([rows, 0, *spec.shape[2:]], spec.dtype)
        for each in specs
        for name, spec in each.items()
    }


def image_content(rows: list[dict | None]) -> dict[str, tf.Tensor]:
    """The tensors of a request with the content of its images; None stands for an image without any."""
    return {
        'image_text': tf.constant([[row['text'] if row else '' for row in rows]]),
        'image_attributes': tf.constant([['\n'.join(row['attributes']) if row else '' for row in rows]]),
        'image_vector': tf.constant([[row['vector'] if row else [0.0] * 3 for row in rows]]),
    }


def padded(lists: list[list[str]]) -> tf.Tensor:
    width = max(1, max(len(row) for row in lists))
    return tf.constant([list(row) + [''] * (width - len(row)) for row in lists])
