"""Turns served decisions into rows of the log."""

import datetime
from collections.abc import Sequence

import pyarrow as pa

from creative_logs.checks.check_rows import REASON, check
from creative_logs.errors import InputError
from creative_logs.schema import (
    CHOICE_PROPENSITY,
    CLICK,
    DECISION_CTR,
    DECISION_EPSILON,
    DECISION_POSTERIOR_SCALE,
    DECISION_SEED,
    DECISION_TEMPERATURE,
    DECISION_VERSION,
    MODEL_VERSION,
    POLICY,
    REQUEST_ID,
    TIMESTAMP,
    WEIGHT,
    LogSchema,
)
from serving.client.request import SelectRequest
from serving.client.selection import UNIFORM, Selection

_FILLED_BY_JOIN = {CLICK: 0, WEIGHT: 1.0}


def file_schema(schema: LogSchema) -> pa.Schema:
    """The columns of the decision log: those of the logs without click and weight, which the join adds."""
    fields = [field for field in schema.arrow_schema() if field.name not in _FILLED_BY_JOIN]
    return pa.schema([*fields, *schema.decision_schema()])


def decision_rows(
    schema: LogSchema,
    request_ids: Sequence[str],
    timestamp: int,
    requests: Sequence[SelectRequest],
    selections: Sequence[Selection],
) -> list[dict]:
    """The values of R decisions by column of `file_schema`; columns that are left out are null.

    Args:
        schema: The schema of the logs.
        request_ids: The ids of the impressions [R], by which clicks are joined.
        timestamp: The time of the impressions, in milliseconds since 1970.
        requests: The requests that were answered [R].
        selections: The answers as they are shown [R].

    Raises:
        InputError: A row would break the schema of the logs or lose a value of its request.
    """
    rows = [
        _row(schema, request_id, timestamp, request, selection)
        for request_id, request, selection in zip(request_ids, requests, selections, strict=True)
    ]
    _, bad = check(_batch(rows, schema), schema)
    if bad.num_rows:
        raise _refused(bad[REQUEST_ID][0].as_py(), bad[REASON][0].as_py())
    return rows


def day_of(timestamp: int) -> str:
    """The UTC day, YYYY-MM-DD, of a time in milliseconds since 1970."""
    return datetime.datetime.fromtimestamp(timestamp / 1000, datetime.UTC).date().isoformat()


def _batch(rows: list[dict], schema: LogSchema) -> pa.RecordBatch:
    try:
        filled = [row | _FILLED_BY_JOIN for row in rows]
        return pa.RecordBatch.from_pylist(filled, schema=schema.arrow_schema())
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if len(rows) > 1:  # Arrow does not say which row is wrong
            for row in rows:
                _batch([row], schema)
        raise _refused(rows[0][REQUEST_ID], error) from error


def _refused(request_id: str, reason: object) -> InputError:
    return InputError(f'decision {request_id!r}: cannot be logged: {" ".join(str(reason).split())}')


def _row(
    schema: LogSchema, request_id: str, timestamp: int, request: SelectRequest, selection: Selection
) -> dict:
    try:
        if not isinstance(timestamp, int):
            raise InputError(f'timestamp: must be an integer, milliseconds since 1970, got {timestamp!r}')
        day_of(timestamp)
        return _values(schema, request_id, timestamp, request, selection)
    except (InputError, TypeError, ValueError, OverflowError) as error:
        raise _refused(request_id, error) from error


def _values(
    schema: LogSchema, request_id: str, timestamp: int, request: SelectRequest, selection: Selection
) -> dict:
    row = {REQUEST_ID: request_id, TIMESTAMP: timestamp, POLICY: selection.policy}
    row |= _context(schema, request)
    known = {component.name for component in schema.components}
    if unknown := sorted(set(request.candidates) - known):
        raise InputError(f'component {unknown[0]!r} is not in the log schema; add it there')
    described = {component.name for component in schema.with_content}
    if undescribed := sorted(set(selection.content) - described):
        raise InputError(
            f'component {undescribed[0]!r} was sent with content, but has none in the log schema; add it there'
        )
    for component in schema.components:
        choice = selection.choices.get(component.name)
        row[component.candidates] = _texts(request.candidates.get(component.name, ()))
        row[component.shown] = -1 if choice is None else choice.index
        if component.text:
            row[component.texts] = _texts(request.texts.get(component.name, ()))
        if component.content is not None:
            row[component.content_references] = list(selection.content.get(component.name, ()))
        if choice is not None:
            row[component.propensity] = choice.propensity
            row[component.choice_propensity] = choice.choice_propensity
    return row | _decision(selection)


def _context(schema: LogSchema, request: SelectRequest) -> dict:
    names = {feature.name for feature in schema.context}
    if request.context.keys() != names:
        differing = sorted(request.context.keys() ^ names)[0]
        where = 'log schema' if differing in request.context else 'request'
        raise InputError(
            f'context feature {differing!r} is not in the {where}; both must have the same features'
        )
    return {
        name: _texts(value) if isinstance(value, (list, tuple)) else _text(value)
        for name, value in request.context.items()
    }


def _decision(selection: Selection) -> dict:
    explored = selection.exploration
    return {
        # Training reads this column: a uniform choice was made by no model.
        MODEL_VERSION: str(selection.model_version) if selection.policy != UNIFORM else None,
        DECISION_VERSION: selection.model_version,
        DECISION_SEED: selection.seed,
        DECISION_TEMPERATURE: explored and explored.temperature,
        DECISION_EPSILON: explored and explored.epsilon,
        DECISION_POSTERIOR_SCALE: explored and explored.posterior_scale,
        DECISION_CTR: selection.ctr,
        CHOICE_PROPENSITY: selection.choice_propensity,
    }


def _texts(values) -> list:
    return [_text(value) for value in values]


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
