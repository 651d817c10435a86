"""The GenCO model: its configuration, feature transforms, layers, losses, training and export."""

import os

# tensorflow-recommenders needs Keras 2, and TensorFlow reads this when it is first imported.
os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')
