"""The artifact type of evaluations."""

from tfx.types.artifact import Artifact


class SctrEvaluation(Artifact):
    """A folder with `evaluation.json`, `summary.md`, `report.html` and the report's charts as PNG."""

    # It declares no properties, because Kubeflow rejects them on types that it does not define itself.
    TYPE_NAME = 'genco.SctrEvaluation'
