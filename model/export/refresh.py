"""Folds a catalogue that has grown since the training into an exported model, without training."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2

from creative_logs.errors import InputError
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.export.saved_model import exported_config
from model.network.layers.content_effects import ELEMENT_KEYS, WORTH, ContentEffects
from model.network.layers.fitted_effects import CONTENT

# What an element is worth may differ in the last bits when it is computed again among other elements. It is then
# left as it was, so that the two models agree exactly on all elements whose content has not changed.
_SAME_WORTH = 1e-5
_FINGERPRINT = 'fingerprint.pb'


class Refreshed(NamedTuple):
    """How the elements that a model lists have changed.

    Attributes:
        before, after: How many the model listed, and lists now.
        new: How many of them it did not list before.
        changed: How many it listed before, but whose content is now worth something else.
        gone: How many it listed before and does not list any more.
    """

    before: int
    after: int
    new: int
    changed: int
    gone: int

    @property
    def differences(self) -> int:
        """The number of elements whose content the model now judges differently."""
        return self.new + self.changed + self.gone


def refresh_model(source: str | Path, catalogue: str | Path, directory: str | Path) -> Refreshed:
    """Writes a copy of an exported model that lists the elements of another catalogue.

    What the content of an element is worth follows from what the training learned of terms and vectors, as it
    does at the end of a training. Everything else in the SavedModel stays as it is, byte for byte, but for the
    hash of the variables in `fingerprint.pb`.

    Args:
        source: The local folder of the SavedModel.
        catalogue: The Parquet file of the catalogue, or a folder of such files; checked before.
        directory: The folder to write, either completely or not at all.

    Raises:
        InputError: The folder holds no model of GenCO, or one that reads no content of elements.
    """
    source, directory = Path(source), Path(directory)
    config = exported_config(str(source))
    tensors = _tensors(source)
    effects = _content_effects(source, config, tensors)
    keys, worth = effects.element_keys.numpy(), effects.worth.numpy()
    effects.list_catalogue(Catalogue.from_files(catalogue, config.log_schema))
    new_keys, new_worth = effects.element_keys.numpy(), effects.worth.numpy()
    _, rows, new_rows = np.intersect1d(keys, new_keys, assume_unique=True, return_indices=True)
    same = (np.abs(worth[rows] - new_worth[new_rows]) <= _SAME_WORTH).all(1)
    new_worth[new_rows[same]] = worth[rows[same]]
    tensors |= {_key(ELEMENT_KEYS): tf.constant(new_keys), _key(WORTH): tf.constant(new_worth)}
    _write(source, tensors, directory)
    return Refreshed(
        # The first row of both tables is no element.
        before=len(keys) - 1,
        after=len(new_keys) - 1,
        new=len(new_keys) - len(rows),
        changed=int((~same).sum()),
        gone=len(keys) - len(rows),
    )


def _content_effects(source: Path, config: GencoConfig, tensors: dict[str, tf.Tensor]) -> ContentEffects:
    """The effects of content that the model has learned."""
    dimensions = {c.name: c.content.vector for c in config.log_schema.with_content if c.content}
    if not dimensions:
        raise InputError(
            f'{source}: the model was trained without a catalogue: it reads no content of elements'
        )
    columns = tensors[_key(WORTH)].shape[1] if _key(WORTH) in tensors else 1
    effects = ContentEffects(dimensions, columns)
    for name, table in effects.tables.items():
        if _key(name) not in tensors:
            raise InputError(
                f'{source}: the model has no table {CONTENT}{name}: it was trained without model.additive or '
                'exported by another version; train it again with genco run'
            )
        table.assign(tensors[_key(name)])
    return effects


def _key(name: str) -> str:
    """The name of a table of content in the checkpoint of an exported model."""
    return f'tables/{CONTENT}{name}/.ATTRIBUTES/VARIABLE_VALUE'


def _tensors(source: Path) -> dict[str, tf.Tensor]:
    """All tensors in the checkpoint of a SavedModel, by name."""
    try:
        types = tf.train.load_checkpoint(_checkpoint(source)).get_variable_to_dtype_map()
        values = tf.raw_ops.RestoreV2(
            prefix=_checkpoint(source),
            tensor_names=list(types),
            shape_and_slices=[''] * len(types),
            dtypes=list(types.values()),
        )
    except (ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f'{source}: the variables of the model cannot be read: {reason}') from error
    return dict(zip(types, values))


def _write(source: Path, tensors: dict[str, tf.Tensor], directory: Path) -> None:
    unfinished = directory.with_name(f'{directory.name}.tmp')
    if unfinished.exists():
        shutil.rmtree(unfinished)
    shutil.copytree(source, unfinished, ignore=shutil.ignore_patterns('variables.*'))
    tf.raw_ops.SaveV2(
        prefix=_checkpoint(unfinished),
        tensor_names=list(tensors),
        shape_and_slices=[''] * len(tensors),
        tensors=list(tensors.values()),
    )
    _write_fingerprint(unfinished)
    if directory.exists():
        shutil.rmtree(directory)
    unfinished.rename(directory)


def _write_fingerprint(model: Path) -> None:
    """Updates the hash of the variables, by which tools tell two SavedModels apart."""
    path = model / _FINGERPRINT
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    index = tf.constant([Path(f'{_checkpoint(model)}.index').read_bytes()])
    digest = tf.raw_ops.Fingerprint(data=index, method='farmhash64').numpy()
    fingerprint.checkpoint_hash = int.from_bytes(digest.tobytes(), 'little')
    path.write_bytes(fingerprint.SerializeToString(deterministic=True))


def _checkpoint(model: Path) -> str:
    return os.path.join(model, 'variables', 'variables')
