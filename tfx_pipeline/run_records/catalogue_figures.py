"""The figures of the element catalogue of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.catalogue_gen.file_names import REPORT_FILE
from tfx_pipeline.run_records.metadata_store import StepRecord


def catalogue_of(records: Mapping[str, StepRecord]) -> dict[str, Any] | None:
    """Returns the content of the `report.json` of the run's `ElementCatalogue`; None without a catalogue.

    Args:
        records: The steps of the run, by node id.
    """
    if 'CatalogueGen' not in records:
        return None
    path = Path(records['CatalogueGen'].output('catalogue').uri, REPORT_FILE)
    return json.loads(path.read_text(encoding='utf-8'))
