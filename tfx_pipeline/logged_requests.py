"""Rebuilds requests for creatives from logged impressions."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creative_logs.checks.check_logs import read_batches
from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files
from creative_logs.schema import TEST, TIMESTAMP, TRAIN
from serving.client.contract import Contract, candidates_of, texts_of
from serving.client.request import SelectRequest
from serving.tensor_protos import DT_STRING
from tfx_pipeline.logged_content import LoggedContent, UnknownContent

_ROWS = 256
_OR_CATALOGUE = '; if the texts come from a catalogue, give --catalogue'


def logged_request(
    logs: str, ad: str | None, ad_column: str, contract: Contract, catalogue: str | None = None
) -> SelectRequest:
    """Returns the newest logged request of an ad, or the first request of the newest day's test split.

    Null context features become empty or zero, as in the model's transforms.

    Args:
        logs: The folder of the logs.
        ad: The id of the ad. If None, the first request of the newest day's test split is returned.
        ad_column: The column that identifies the ad.
        contract: The inputs of the served model.
        catalogue: The Parquet file or the folder of the catalogue, if there is one.

    Raises:
        InputError: The ad, a column that the model needs or the content that the request brought is missing,
            or the logs or the catalogue cannot be read.
    """
    try:
        row = _first_test_row(logs) if ad is None else _newest_row(logs, ad, ad_column)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InputError(f'{logs}: cannot be read: {" ".join(str(error).split())}') from error
    return _request(row, contract, logs, LoggedContent(contract, catalogue, [row]))


def logged_requests(
    logs: str, most: int, contract: Contract, content: LoggedContent
) -> Iterator[SelectRequest]:
    """Yields the requests of `logged_rows`, except those that brought unknown content, which are counted.

    Null context features become empty or zero, as in the model's transforms.

    Args:
        logs: The folder of the logs.
        most: The largest number of rows to read.
        contract: The inputs of the served model.
        content: The content that the requests brought; counts those whose content is unknown.

    Raises:
        InputError: A column that the model needs is missing, or the logs cannot be read.
    """
    for row in logged_rows(logs, most):
        try:
            yield _request(row, contract, logs, content)
        except UnknownContent as unknown:
            content.count(unknown)


def logged_rows(logs: str, most: int) -> Iterator[dict]:
    """Yields the first `most` rows, newest day first and, within a day, the test split first.

    Raises:
        InputError: The logs cannot be read.
    """
    return itertools.islice(_rows(logs), most)


def _rows(logs: str) -> Iterator[dict]:
    for day in reversed(list_days(logs)):
        for file in (file for split in (TEST, TRAIN) for file in split_files(logs, day, split)):
            for batch in read_batches(file):
                for start in range(0, batch.num_rows, _ROWS):
                    yield from batch.slice(start, _ROWS).to_pylist()


def _request(row: dict, contract: Contract, logs: str, content: LoggedContent) -> SelectRequest:
    context = {}
    for name, (dtype, rank) in contract.context.items():
        empty: list | str | int = [] if rank == 2 else '' if dtype == DT_STRING else 0
        value = _cell(row, name, logs)
        context[name] = empty if value is None else value
    candidates = {name: _cell(row, candidates_of(name), logs) or [] for name in contract.components}
    # A log with texts names them in a column; otherwise they come from a catalogue.
    logged = [name for name in contract.with_text if texts_of(name) in row or not content.knows(row, name)]
    texts = {name: _cell(row, texts_of(name), logs, _OR_CATALOGUE) or [] for name in logged}
    brought = {name: contents for name, contents in content.of(row).items() if name not in texts}
    return SelectRequest(context, candidates, texts, content=brought)


def _first_test_row(logs: str) -> dict:
    for file in split_files(logs, list_days(logs)[-1], TEST):
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(1):
                return batch.to_pylist()[0]
    raise InputError(f'{logs}: the test split of the newest day holds no row')


def _newest_row(logs: str, ad: str, ad_column: str) -> dict:
    for day in reversed(list_days(logs)):
        files = [file for split in (TRAIN, TEST) for file in split_files(logs, day, split)]
        rows = [row for file in files if (row := _newest_in_file(file, ad, ad_column))]
        if rows:
            return max(rows, key=lambda row: row[TIMESTAMP])
    raise InputError(f'{logs}: holds no request with {ad_column} {ad!r}')


def _newest_in_file(file: Path, ad: str, ad_column: str) -> dict | None:
    if ad_column not in pq.read_schema(file).names:
        raise InputError(f'{file}: has no column {ad_column!r}; name the column of the ad with --ad-column')
    rows = pq.read_table(file, filters=pc.field(ad_column) == ad, partitioning=None)
    if not rows.num_rows:
        return None
    return rows.slice(pc.index(rows[TIMESTAMP], pc.max(rows[TIMESTAMP])).as_py(), 1).to_pylist()[0]


def _cell(row: dict, column: str, logs: str, advice: str = ''):
    if column not in row:
        raise InputError(f'{logs}: column {column!r} is missing, but the served model needs it{advice}')
    return row[column]
