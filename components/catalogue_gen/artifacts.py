"""The artifact type of element catalogues."""

from tfx.types.artifact import Artifact


class ElementCatalogue(Artifact):
    """A folder with `catalogue.parquet`, the good elements, and `report.json`, their check and coverage."""

    # It declares no properties, because Kubeflow rejects them on types that it does not define itself.
    TYPE_NAME = 'genco.ElementCatalogue'
