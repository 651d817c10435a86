"""The artifact type of evaluations."""

from tfx.types.artifact import Artifact


class SctrEvaluation(Artifact):
    """A folder with `evaluation.json`, `summary.md`, `report.html` and the report's charts as PNG."""

    # No declared properties: Kubeflow refuses them on types that are not its own.
    TYPE_NAME = 'genco.SctrEvaluation'
