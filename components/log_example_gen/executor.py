"""The executor of LogExampleGen."""

import os
from typing import Any

import apache_beam as beam
from pydantic import TypeAdapter
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs

from components.log_example_gen.ingest import Ingest, ListRowGroups, LogFile, merge
from components.log_example_gen.settings import Settings, unpack
from creative_logs.checks.bad_row_counts import Tally
from creative_logs.errors import InputError
from creative_logs.schema import SPLITS

QUARANTINE = 'quarantine'
_SPLIT_TALLY = TypeAdapter(tuple[str, Tally])


class Executor(base_beam_executor.BaseBeamExecutor):
    """Converts Parquet logs to tf.Examples by row groups; keeps zeros as values and quarantines bad rows."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads `<input_base>/<day>/<split>/*.parquet`.

        Args:
            input_dict: Empty.
            output_dict:
                - examples: One `Examples` artifact with the splits train and test as gzipped TFRecords in the
                  order of the logs. Bad rows are in its folder `quarantine/<split>/`. Its custom properties
                  are `rows` and `bad_rows` (int).
            exec_properties:
                - input_base (str): The folder of the logs.
                - custom_config (str): The `Settings`; see `settings.pack`.

        Raises:
            InputError: A file is not Parquet or breaks the schema as a whole, a split has no good row, or
                the share of bad rows is too high. The launcher then removes the output folder.
        """
        settings = unpack(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        input_base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))

        tallies = self._ingest(_list_files(input_base, settings), settings, examples)
        total = merge(tallies.values())
        total.refuse_above(settings.max_bad_share, _name(settings))
        for split, tally in tallies.items():
            if tally.rows == tally.bad_rows:
                where = f'{input_base}: {_name(settings)}'
                raise InputError(
                    f'{where} has no good row in its {split} split; correct the split or remove the day'
                )

        # The driver sets the span as a custom property, but the standard components read the property.
        examples.span = examples.get_int_custom_property('span')
        examples.set_int_custom_property('rows', total.rows)
        examples.set_int_custom_property('bad_rows', total.bad_rows)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, 'tfrecords_gzip')

    def _ingest(self, files: list[LogFile], settings: Settings, examples: types.Artifact) -> dict[str, Tally]:
        split_uris = {split: artifact_utils.get_split_uri([examples], split) for split in SPLITS}
        scratch = os.path.join(examples.uri, 'unfinished')
        for folder in (*split_uris.values(), scratch):
            fileio.makedirs(folder)
        ingest = Ingest(settings.log_schema, split_uris, os.path.join(examples.uri, QUARANTINE), scratch)
        prefix = os.path.join(scratch, 'tallies')
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | 'Files' >> beam.Create(files)
                | 'ListRowGroups' >> beam.ParDo(ListRowGroups())
                | 'Spread' >> beam.Reshuffle()
                | 'Ingest' >> beam.ParDo(ingest)
                | 'MergeBySplit' >> beam.CombinePerKey(merge)
                | 'ToJson' >> beam.Map(_to_json)
                | 'WriteTallies' >> beam.io.WriteToText(prefix)
            )
        tallies = dict.fromkeys(SPLITS, Tally()) | _read_tallies(prefix)
        fileio.rmtree(scratch)
        return tallies


def _name(settings: Settings) -> str:
    days = sorted({day for days in settings.days.values() for day in days})
    return days[0] if len(days) == 1 else f'{days[0]} to {days[-1]}'


def _list_files(input_base: str, settings: Settings) -> list[LogFile]:
    files = []
    for split in SPLITS:
        for day in settings.days[split]:
            paths = sorted(fileio.glob(os.path.join(input_base, day, split, '*.parquet')))
            files += [LogFile(split, path, f'{day}-{number:05d}') for number, path in enumerate(paths)]
    return files


def _to_json(tally: tuple[str, Tally]) -> str:
    return _SPLIT_TALLY.dump_json(tally).decode()


def _read_tallies(prefix: str) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for path in fileio.glob(f'{prefix}*'):
        with fileio.open(path) as lines:
            tallies.update(_SPLIT_TALLY.validate_json(line) for line in lines)
    return tallies
