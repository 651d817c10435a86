"""The artifact type of evaluations."""

from tfx.types.artifact import Artifact

JSON_FILE = 'evaluation.json'
SUMMARY_FILE = 'summary.md'


class SctrEvaluation(Artifact):
    """A folder with `evaluation.json` and `summary.md`."""

    # No declared properties: Kubeflow refuses them on types that are not its own.
    TYPE_NAME = 'genco.SctrEvaluation'
