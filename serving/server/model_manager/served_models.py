"""The models that a server serves, read from a `ModelServerConfig` with the checks of TensorFlow Serving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from creative_logs.errors import InputError
from serving.server.model_manager.versions import VersionFolder
from serving.server.status_errors import StatusError, invalid
from serving.server.text_protos import read_text_proto

_PLATFORM = 'tensorflow'
_TENSORFLOW = 1  # deprecated ModelType


@dataclass(frozen=True)
class VersionPolicy:
    """The versions to serve: those in `specific`, otherwise the newest `latest`, or all if it is None."""

    latest: int | None = 1
    specific: frozenset[int] = frozenset()

    def choose(self, folders: Sequence[VersionFolder]) -> tuple[Sequence[VersionFolder], int | None]:
        """The versions that may serve, in the given order (newest first), and how many of them to serve."""
        if self.specific:
            return [folder for folder in folders if folder.number in self.specific], None
        return folders, self.latest


@dataclass(frozen=True)
class ServedModel:
    """A model to serve.

    Attributes:
        name: The name by which requests ask for the model.
        base_path: The folder of the model, with one numbered subfolder per version.
        policy: The versions to serve.
        labels: The version that each label names.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)


def read_model_config(path: Path) -> list[ServedModel]:
    """Reads the models of a configuration file.

    Raises:
        InputError: The file cannot be read or breaks a rule of `served_models`.
    """
    try:
        return served_models(read_text_proto(path, ModelServerConfig()))
    except StatusError as error:
        raise InputError(f'{path}: {error.message}') from error


def served_models(config: ModelServerConfig) -> list[ServedModel]:
    """Checks the models of a configuration.

    Raises:
        StatusError: The configuration breaks a rule (INVALID_ARGUMENT); the message is TensorFlow Serving's.
    """
    if config.WhichOneof('config') != 'model_config_list':
        raise invalid(
            'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is '
            'currently supported'
        )
    models = [_served(model) for model in config.model_config_list.config]
    _check_names([model.name for model in models])
    return models


def _served(model: ModelConfig) -> ServedModel:
    _check_platform(model)
    if '://' in model.base_path or not Path(model.base_path).is_absolute():
        raise invalid(
            f'Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}'
        )
    return ServedModel(model.name, Path(model.base_path), _policy(model), dict(model.version_labels))


def _policy(model: ModelConfig) -> VersionPolicy:
    policy = model.model_version_policy
    kind = policy.WhichOneof('policy_choice')
    if kind == 'specific':
        if not policy.specific.versions:
            raise invalid(
                f'Illegal to set a specific version policy without versions, model name is {model.name}'
            )
        return VersionPolicy(None, frozenset(policy.specific.versions))
    if kind == 'all':
        return VersionPolicy(None)
    return VersionPolicy(policy.latest.num_versions or 1)


def _check_platform(model: ModelConfig) -> None:
    if model.model_platform and model.model_type:
        raise invalid(
            'Illegal setting both ModelServerConfig::model_type (deprecated) and '
            f'ModelServerConfig::model_platform, model name is {model.name}'
        )
    if not model.model_platform and not model.model_type:
        raise invalid(
            'Illegal setting neither ModelServerConfig::model_type (deprecated) nor '
            f'ModelServerConfig::model_platform, model name is {model.name}'
        )
    if model.model_platform != _PLATFORM and model.model_type != _TENSORFLOW:
        platform = model.model_platform or f'type {model.model_type}'
        raise invalid(f'Model {model.name} requests unsupported platform {platform}')


def _check_names(names: Sequence[str]) -> None:
    for place, name in enumerate(names):
        if not name:
            raise invalid('Illegal to list a model without a name in config list')
        if name in names[:place]:
            raise invalid(f'Illegal to list model {name} multiple times in config list')
