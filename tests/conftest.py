"""Before any test imports TensorFlow."""

from hypothesis import settings

from tfx_pipeline.console import captured_output as quiet

quiet.prepare()
# A busy machine is no failure.
settings.register_profile('untimed', deadline=None)
settings.load_profile('untimed')
