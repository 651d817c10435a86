"""AtomicPusher: TFX's Pusher with a push that is whole or absent."""

from tfx.components import Pusher
from tfx.dsl.components.base import executor_spec

from components.atomic_pusher.executor import Executor


class AtomicPusher(Pusher):
    """Pushes a blessed model to `<base_directory>/<version>` of TensorFlow Serving's layout."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
