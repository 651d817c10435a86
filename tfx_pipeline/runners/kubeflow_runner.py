"""Compiles the pipeline for Kubeflow Pipelines 2 (and Vertex AI Pipelines)."""

from collections.abc import Sequence
from pathlib import Path

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from tfx_pipeline.config import Config
from tfx_pipeline.pipeline import Runtime, create_pipeline


def compile_pipeline(config: Config, days: Sequence[str], image: str, output: str | Path) -> None:
    """Writes the pipeline file, completely or not at all.

    Kubeflow cannot pass several spans to a step, so the days of the window are ingested as one artifact.
    Otherwise the pipeline is that of the local runner.

    Args:
        config: The configuration of the run; the cluster must be able to access its `paths`.
        days: The days of the window (YYYY-MM-DD), oldest first.
        image: The container image with TFX and this project.
        output: The file to write; its suffix selects JSON or YAML.
    """
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f'.unfinished-{output.name}')
    runner = KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(default_image=image),
        output_dir=str(output.parent),
        output_filename=unfinished.name,
    )
    runner.run(create_pipeline(config, days, Runtime(root=config.paths.root, spans=False)), write_out=True)
    unfinished.rename(output)
