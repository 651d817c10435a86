"""The configuration: typed, immutable, and read from YAML with dotted overrides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from components.sctr_evaluator.config import CANDIDATES, DAY, EvaluationConfig
from creative_logs.base_config import Frozen, Name
from creative_logs.errors import InputError
from model.config import GencoConfig


class PathsConfig(Frozen):
    """Folders, relative to the working directory unless absolute.

    Attributes:
        logs: The click logs, `<logs>/<YYYY-MM-DD>/{train,test}/*.parquet`.
        root: The folder of the pipeline's artifacts and of its metadata store.
        serving: The base path to which models are pushed; TensorFlow Serving's `--model_base_path`.
        catalogue: The element catalogue, a Parquet file or a folder of such files; needed exactly if a
            component of `log_schema` has content.
    """

    logs: str
    root: str
    serving: str
    catalogue: str | None = None


class WindowConfig(Frozen):
    """The days of logs that a run uses.

    Attributes:
        days: The number of days in the window, counted back from the day of the run.
        holdout_days: The number of newest days in the window that are not trained on. The evaluator reads
            the test split of these days, or of all days where this is 0.
    """

    days: int = Field(33, ge=1)
    holdout_days: int = Field(0, ge=0)

    @model_validator(mode='after')
    def _something_left(self):
        if self.holdout_days >= self.days:
            raise ValueError(
                f'holdout_days must be below days, or nothing is left to train on: '
                f'got {self.holdout_days} of {self.days}'
            )
        return self


class ChecksConfig(Frozen):
    """Limits on the input.

    Attributes:
        max_bad_share: The run stops when more than this share of a day's rows break the log schema.
    """

    max_bad_share: float = Field(0.01, ge=0, le=1)


class Config(GencoConfig):
    """Everything a run depends on.

    Attributes:
        name: The name of the pipeline and of its runs in the metadata store: letters, digits and "_".
        paths: Folders.
        window: The days of logs that a run uses.
        checks: Limits on the input.
        evaluation: What is measured, and when a model is blessed.
    """

    name: Name
    paths: PathsConfig
    window: WindowConfig = WindowConfig()
    checks: ChecksConfig = ChecksConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode='after')
    def _catalogue_where_content(self):
        described = [component.name for component in self.log_schema.with_content]
        if described and self.paths.catalogue is None:
            raise ValueError(
                f'paths.catalogue is missing, but content is to be read of {", ".join(described)}: name the '
                'catalogue, or take content out of log_schema.components'
            )
        if self.paths.catalogue is not None and not described:
            raise ValueError(
                f'paths.catalogue: nothing is read of {self.paths.catalogue!r}, as no component of log_schema '
                'has content: give one content, or take the path out'
            )
        return self

    @model_validator(mode='after')
    def _names_known(self):
        context = {feature.name for feature in self.log_schema.context}
        if self.evaluation.cluster not in context:
            raise ValueError(f'evaluation.cluster: {self.evaluation.cluster!r} is no context feature')
        unknown = set(self.evaluation.sliced_features()) - context
        if unknown:
            raise ValueError(
                f'evaluation.slices: no such context feature: {", ".join(sorted(unknown))}; '
                f'{CANDIDATES!r} and {DAY!r} are always there'
            )
        components = {component.name for component in self.log_schema.components}
        for key in ('must_pass', 'candidate_brackets'):
            unknown = set(getattr(self.evaluation, key)) - components
            if unknown:
                raise ValueError(f'evaluation.{key}: no such component: {", ".join(sorted(unknown))}')
        return self


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Reads a YAML file, applies overrides such as `training.batch_size=512`, and validates the result.

    Raises:
        InputError: The file cannot be read or holds no YAML mapping, a key is unknown, or a value is invalid.
            The message names the file, the key, the rule and the value.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(data, dict):
        raise InputError(f'{path}: must hold a mapping of keys to values')
    for override in overrides:
        _apply_override(data, override)
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise InputError(f'{path}: {_describe(error)}') from error


def save_config(config: Config, path: str | Path) -> None:
    """Writes the whole configuration, including defaults, as a file that `load_config` reads."""
    text = yaml.safe_dump(config.model_dump(mode='json'), sort_keys=False, allow_unicode=True)
    temporary = Path(f'{path}.tmp')
    temporary.write_text(text, encoding='utf-8')
    temporary.rename(path)


def _apply_override(data: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition('=')
    if not equals or not dotted:
        raise InputError(f'override {override!r}: must look like training.batch_size=512')
    *parents, leaf = dotted.split('.')
    for key in parents:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise InputError(f'override {override!r}: {key!r} holds a value, not further keys')
    try:
        data[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f'override {override!r}: the value is no YAML') from error


def _describe(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = '.'.join(str(part) for part in item['loc'])
        if item['type'] == 'extra_forbidden':
            lines.append(f'unknown key {key!r}')
        elif item['type'] == 'missing':
            lines.append(f'key {key!r} is missing')
        else:
            given = '' if isinstance(item['input'], (dict, list)) else f' (got {item["input"]!r})'
            message = item['msg'].removeprefix('Value error, ')
            lines.append(f'{key}: {message}{given}' if key else message)
    return '; '.join(lines)
