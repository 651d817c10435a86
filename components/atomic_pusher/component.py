"""AtomicPusher: TFX's Pusher, but it pushes a model completely or not at all."""

from tfx.components import Pusher
from tfx.dsl.components.base import executor_spec

from components.atomic_pusher.executor import Executor


class AtomicPusher(Pusher):
    """Pushes a blessed model to `<base_directory>/<version>` in the layout of TensorFlow Serving."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
