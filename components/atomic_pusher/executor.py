"""The executor of AtomicPusher."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import executor as pusher
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

_UNFINISHED = '.unfinished-'


class Executor(pusher.Executor):
    """Copies a model to a folder beside its destination and renames it: a server sees all of it or nothing."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed.

        Args:
            input_dict:
                - model: The exported model.
                - model_blessing: The blessing of the model, without which nothing is pushed.
            output_dict:
                - pushed_model: A copy of the model, with the custom properties `pushed` (int, 0 or 1),
                  `pushed_destination` and `pushed_version` (str).
            exec_properties:
                - push_destination (str): A PushDestination with a file system, as JSON.
        """
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        base = destination.filesystem.base_directory
        if '://' in base:
            # Object stores cannot rename a folder; TFX's Pusher copies saved_model.pb last.
            super().Do(input_dict, output_dict, exec_properties)
            return
        pushed_model = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed_model)
            return
        model = self.GetModelPath(input_dict)
        io_utils.copy_dir(model, pushed_model.uri)
        pushed = push(model, base)
        self._MarkPushed(pushed_model, pushed_destination=str(pushed), pushed_version=pushed.name)


def push(model: str | Path, base: str | Path) -> Path:
    """Copies a SavedModel to a new version below `base`, completely or not at all.

    The version is the Unix time, or the newest version plus one if that is higher. The unfinished copies of
    earlier pushes are removed.

    Returns:
        The folder of the new version.
    """
    base = Path(base)
    base.mkdir(parents=True, exist_ok=True)
    for leftover in base.glob(f'{_UNFINISHED}*'):
        shutil.rmtree(leftover)
    versions = [int(path.name) for path in base.iterdir() if path.name.isdecimal()]
    version = str(max([int(time.time())] + [newest + 1 for newest in versions]))
    unfinished = base / f'{_UNFINISHED}{version}'
    shutil.copytree(model, unfinished)
    _sync_tree(unfinished)
    pushed = unfinished.rename(base / version)
    _sync(base)
    return pushed


def _sync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root):
        for name in files:
            _sync(Path(folder, name))
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
