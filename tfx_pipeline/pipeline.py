"""The pipelines: from logs and a catalogue to a model, evaluated and pushed, and from a catalogue alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_metadata.proto import metadata_store_pb2
from tfx.components import StatisticsGen, Transform
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, transform_pb2
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, PushedModel

from components.atomic_pusher.component import AtomicPusher
from components.catalogue_gen.component import CatalogueGen
from components.genco_trainer.component import GencoTrainer
from components.log_example_gen.component import LogExampleGen, span_of
from components.log_schema_gen.component import LogSchemaGen
from components.log_validator.component import LogValidator
from components.model_refresher.component import ModelRefresher
from components.sctr_evaluator.component import SctrEvaluator
from components.sctr_evaluator.config import EvaluationConfig
from creative_logs.schema import TEST, TRAIN
from model.config import GencoConfig
from tfx_pipeline.config import Config
from tfx_pipeline.resolvers import ServingModelStrategy, WindowStrategy

_PREPROCESSING_FN = 'model.features.preprocessing.preprocessing_fn'
_RUN_FN = 'model.run_fn.run_fn'
_EXAMPLE_GEN = 'LogExampleGen'
_SERVING_MODEL = 'ServingModel'


class Runtime(NamedTuple):
    """The settings of a pipeline that depend on its runner.

    Attributes:
        root: The folder for artifacts.
        beam_args: The arguments of every Beam pipeline.
        metadata: The connection to ML Metadata. None if the orchestrator manages it.
        spans: Whether the runner supports this project's resolver strategies. If so, each day is ingested
            once, as a span, and the window is assembled from its spans. Otherwise the days of the window are
            ingested as one artifact.
    """

    root: str
    beam_args: Sequence[str] = ()
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    spans: bool = True


def create_pipeline(config: Config, days: Sequence[str], runtime: Runtime) -> Pipeline:
    """Builds the whole pipeline. Node ids are stable and steps are cached.

    Args:
        config: The configuration of the run.
        days: The days of the window (YYYY-MM-DD), oldest first; the last is the day of the run.
        runtime: The settings of the runner.
    """
    held_out = config.window.holdout_days if runtime.spans else 0
    example_gen = _example_gen(config, days, runtime)
    nodes = [example_gen]
    window = example_gen.outputs['examples']
    if runtime.spans:
        nodes.append(_window(days))
        nodes[-1].add_upstream_node(example_gen)
        window = nodes[-1].outputs['examples']
    schema_gen = LogSchemaGen(log_schema=config.log_schema.model_dump_json())
    schema = schema_gen.outputs['schema']
    statistics_gen = StatisticsGen(examples=example_gen.outputs['examples'], schema=schema)
    validator = LogValidator(statistics=statistics_gen.outputs['statistics'], schema=schema)
    transform = _transform(config, window, schema)
    transform.add_upstream_node(validator)
    catalogue = None
    if config.paths.catalogue is not None:
        nodes.append(_catalogue_gen(config.paths.catalogue, config, days))
        nodes[-1].add_upstream_node(example_gen)  # It compares only logs that were checked.
        catalogue = nodes[-1].outputs['catalogue']
    trainer = _trainer(config, transform, schema, held_out, catalogue)
    serving_model = _serving_model(trainer, runtime)
    nodes += [schema_gen, statistics_gen, validator, transform, trainer, serving_model]
    nodes += _evaluated_and_pushed(
        config, window, trainer.outputs['model'], serving_model.outputs['model'], catalogue, held_out
    )
    return _pipeline(config, runtime, nodes)


def create_refresh(config: Config, days: Sequence[str], runtime: Runtime) -> Pipeline:
    """Builds a pipeline that folds the catalogue into the serving model, without training.

    A refreshed model that judges every element as the serving one does is neither evaluated nor pushed.

    Args:
        config: The configuration of the run, with a catalogue.
        days: The days of the window (YYYY-MM-DD), oldest first; they were ingested by `create_pipeline`.
        runtime: The settings of the runner, which must support spans.
    """
    assert config.paths.catalogue is not None
    window, catalogue_gen = _window(days), _catalogue_gen(config.paths.catalogue, config, days)
    serving_model = _pushed_last()
    refresher = ModelRefresher(
        model=serving_model.outputs['model'],
        catalogue=catalogue_gen.outputs['catalogue'],
        log_schema=config.log_schema.model_dump_json(),
    )
    refreshed = refresher.outputs['refreshed_model']
    # It need not be better than the model that it was made from, only not worse.
    bound = min(config.evaluation.min_lift_over_serving, EvaluationConfig().min_lift_over_serving)
    rules = config.evaluation.model_copy(update={'min_lift_over_serving': bound})
    with Cond(refreshed.future()[0].custom_property('differences') > 0):
        last = _evaluated_and_pushed(
            config.model_copy(update={'evaluation': rules}),
            window.outputs['examples'],
            refreshed,
            serving_model.outputs['model'],
            catalogue_gen.outputs['catalogue'],
            config.window.holdout_days,
        )
    return _pipeline(config, runtime, [window, catalogue_gen, serving_model, refresher, *last])


def create_ingestion(config: Config, day: str, runtime: Runtime) -> Pipeline:
    """Builds a pipeline with only the first node of `create_pipeline`, for an older day of the window."""
    return _pipeline(config, runtime, [_example_gen(config, [day], runtime)])


def _pipeline(config: Config, runtime: Runtime, nodes: list[BaseComponent]) -> Pipeline:
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=runtime.root,
        components=nodes,
        enable_cache=True,
        metadata_connection_config=runtime.metadata,
        beam_pipeline_args=list(runtime.beam_args),
    )


def _example_gen(config: Config, days: Sequence[str], runtime: Runtime) -> LogExampleGen:
    by_split = None
    if not runtime.spans:
        held_out = config.window.holdout_days
        by_split = {TRAIN: days[: len(days) - held_out], TEST: days[-held_out:]}
    return LogExampleGen(
        logs=config.paths.logs,
        schema=config.log_schema,
        max_bad_share=config.checks.max_bad_share,
        day=days[-1],
        days=by_split,
    ).with_id(_EXAMPLE_GEN)


def _window(days: Sequence[str]) -> Resolver:
    return Resolver(
        strategy_class=WindowStrategy,
        config={'spans': [span_of(day) for day in days]},
        examples=Channel(type=Examples, producer_component_id=_EXAMPLE_GEN, output_key='examples'),
    ).with_id('Window')


def _transform(config: Config, window: BaseChannel, schema: BaseChannel) -> Transform:
    return Transform(
        examples=window,
        schema=schema,
        preprocessing_fn=_PREPROCESSING_FN,
        # Not the whole configuration: a new learning rate must not cause all days to be transformed again.
        custom_config=_genco(config, {'log_schema', 'transform'}),
        splits_config=transform_pb2.SplitsConfig(analyze=[TRAIN], transform=[TRAIN, TEST]),
        disable_statistics=True,
        # Ten days of 25,000 rows, nine of them cached, took 115 s of CPU time with the cache, 83 s without.
        disable_analyzer_cache=True,
    )


def _catalogue_gen(path: str, config: Config, days: Sequence[str]) -> CatalogueGen:
    return CatalogueGen(
        catalogue=path,
        logs=config.paths.logs,
        days=days,
        log_schema=config.log_schema,
        max_bad_share=config.checks.max_bad_share,
    )


def _trainer(
    config: Config, transform: Transform, schema: BaseChannel, held_out: int, catalogue: BaseChannel | None
) -> GencoTrainer:
    return GencoTrainer(
        run_fn=_RUN_FN,
        examples=transform.outputs['transformed_examples'],
        transform_graph=transform.outputs['transform_graph'],
        schema=schema,
        custom_config={**_genco(config, set(GencoConfig.model_fields)), 'holdout_days': held_out},
        catalogue=catalogue,
    ).with_id('Trainer')


def _genco(config: Config, parts: set[str]) -> dict[str, Any]:
    return {'genco': config.model_dump(mode='json', include=parts)}


def _serving_model(trainer: GencoTrainer, runtime: Runtime) -> Resolver:
    if runtime.spans:
        return _pushed_last(candidate=trainer.outputs['model'])
    serving_model = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id(_SERVING_MODEL)
    serving_model.add_upstream_node(trainer)
    return serving_model


def _pushed_last(**candidate: BaseChannel) -> Resolver:
    return Resolver(
        strategy_class=ServingModelStrategy,
        model=Channel(type=Model),
        pushed_model=Channel(type=PushedModel),
        **candidate,
    ).with_id(_SERVING_MODEL)


def _evaluated_and_pushed(
    config: Config,
    window: BaseChannel,
    model: BaseChannel,
    serving_model: BaseChannel,
    catalogue: BaseChannel | None,
    held_out: int,
) -> list[BaseComponent]:
    evaluator = SctrEvaluator(
        examples=window,
        model=model,
        baseline_model=serving_model,
        catalogue=catalogue,
        evaluation=config.evaluation.model_dump_json(),
        log_schema=config.log_schema.model_dump_json(),
        holdout_days=held_out,
    )
    pusher = AtomicPusher(
        model=model,
        model_blessing=evaluator.outputs['blessing'],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.paths.serving)
        ),
    )
    return [evaluator, pusher]
