"""The executor of CatalogueGen."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.catalogue_gen.file_names import REPORT_FILE
from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.catalogue.coverage import CatalogueCoverage
from creative_logs.catalogue.logged_candidates import read_candidates
from creative_logs.catalogue.write import CATALOGUE_FILE, write_catalogue
from creative_logs.schema import LogSchema


class Executor(base_executor.BaseExecutor):
    """Copies the good elements of a catalogue in batches, and compares them with the candidates in the logs."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the catalogue.

        Args:
            input_dict: Empty.
            output_dict:
                - catalogue: An `ElementCatalogue` with `catalogue.parquet`, the good elements of the components
                  that have content, and `report.json`, which holds `CatalogueReport.to_json` and
                  `CatalogueCoverage.to_json`. Its custom properties are `elements`, the number of elements
                  in the file, `bad_elements`, and `missing_ids`, the number of distinct candidates that the
                  catalogue lacks (int).
            exec_properties:
                - catalogue_path (str): The Parquet file of the catalogue, or a folder of such files.
                - logs (str): The folder of the logs.
                - days (str): The days of the window, a JSON list of YYYY-MM-DD.
                - log_schema (str): The JSON of the `LogSchema`.
                - max_bad_share (float): The largest share of elements that may break a rule.
                - fingerprint (str): A digest of the files, which is part of the key of the cache only.

        Raises:
            InputError: A file cannot be read or breaks the schema as a whole, or the share of bad elements
                is too high. The launcher then removes the output folder.
        """
        schema = LogSchema.model_validate_json(exec_properties['log_schema'])
        artifact = artifact_utils.get_single_instance(output_dict['catalogue'])
        checker, coverage = CatalogueChecker(schema), CatalogueCoverage(schema)

        def elements() -> Iterator[pa.RecordBatch]:
            for rows in checker.good_rows(exec_properties['catalogue_path']):
                coverage.add_elements(rows)
                yield rows

        path = os.path.join(artifact.uri, CATALOGUE_FILE)
        unfinished = f'{path}.unfinished'
        with FileSystems.create(unfinished, compression_type=CompressionTypes.UNCOMPRESSED) as sink:
            write_catalogue(sink, elements())
        checker.report.refuse_above(exec_properties['max_bad_share'])
        fileio.rename(unfinished, path)
        for day in json.loads(exec_properties['days']):
            for rows in read_candidates(exec_properties['logs'], day, schema):
                coverage.add_impressions(rows)

        report = checker.report.to_json() | coverage.to_json()
        io_utils.write_string_file(os.path.join(artifact.uri, REPORT_FILE), json.dumps(report, indent=2))
        counted = checker.report.components.values()
        artifact.set_int_custom_property('elements', sum(counts.elements for counts in counted))
        artifact.set_int_custom_property('bad_elements', checker.report.tally.bad_rows)
        missing = coverage.missing.values()
        artifact.set_int_custom_property('missing_ids', sum(elements.ids for elements in missing))
