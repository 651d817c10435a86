"""Before any test imports TensorFlow."""

from tfx_pipeline import quiet

quiet.prepare()
