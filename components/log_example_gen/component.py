"""LogExampleGen: reads one day of Parquet click logs as one span of tf.Examples."""

from collections.abc import Mapping, Sequence

from tfx.components.example_gen import utils
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.log_example_gen.executor import Executor
from components.log_example_gen.settings import Settings, pack
from creative_logs.schema import SPLITS, LogSchema

_PATTERN = '{YYYY}-{MM}-{DD}/%s/*.parquet'


class LogExampleGen(FileBasedExampleGen):
    """Ingests the train and test splits of one day; the span is the number of days since 1970-01-01.

    A changed, added or removed file of that day changes the fingerprint, so the day is ingested again.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        logs: str,
        schema: LogSchema,
        max_bad_share: float,
        day: str,
        days: Mapping[str, Sequence[str]] | None = None,
    ):
        """Specifies the component.

        Args:
            logs: The folder of the logs, `<logs>/<YYYY-MM-DD>/{train,test}/*.parquet`.
            schema: The schema of the logs.
            max_bad_share: The largest share of rows that may break the schema; with more, the component
                fails.
            day: The day of the span, YYYY-MM-DD.
            days: The days to read for each split, if not only `day`, for orchestrators that cannot pass
                several spans to the next component.
        """
        settings = Settings(
            log_schema=schema,
            max_bad_share=max_bad_share,
            days=days or {split: [day] for split in SPLITS},
        )
        super().__init__(
            input_base=logs,
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name=split, pattern=_PATTERN % split) for split in SPLITS]
            ),
            range_config=_only(day),
            custom_config=pack(settings),
        )


def span_of(day: str) -> int:
    """Returns the span number of a day (YYYY-MM-DD)."""
    year, month, date = map(int, day.split('-'))
    return utils.date_to_span_number(year, month, date)


def _only(day: str) -> range_config_pb2.RangeConfig:
    span = span_of(day)
    return range_config_pb2.RangeConfig(
        static_range=range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
    )
