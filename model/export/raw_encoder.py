"""Encodes raw features with the transforms, the packing and the network, for serving and evaluation."""

import tensorflow as tf
import tensorflow_transform as tft

from creative_logs.schema import LogSchema
from model.features.packed_batch import Batch, pack
from model.features.transform_graph import Transforms
from model.network.genco import Encoded, GenCO
from model.network.layers.cross_component_attention import GROUPS

HASH_RANGE = 1 << 62  # Hashes of ids lie below this bound, so that they are not negative as int64.


class RawEncoder:
    """Encodes raw features of B ads as `Encoded`.

    Args:
        model: The trained network.
        transform_output: The output of the Transform that the network was trained with.
        schema: The log schema.

    Attributes:
        schema: The log schema.
        raw_spec: The parsing specification of raw tf.Examples.
        transforms: The graph of the transforms.
    """

    def __init__(self, model: GenCO, transform_output: tft.TFTransformOutput, schema: LogSchema):
        self.schema = schema
        self.raw_spec = transform_output.raw_feature_spec()
        self.transforms = Transforms(transform_output)
        self._model = model
        self._folded = model.encoder.folded() if model.config.phi else None

    def as_request(self, raw: dict) -> dict:
        """Hides from logged rows what was shown, so that lists are truncated as they were in the request."""
        hidden = {
            c.shown: tf.fill(tf.shape(raw[c.shown]), tf.constant(-1, tf.int64))
            for c in self.schema.components
        }
        return raw | hidden

    def encode(self, raw: dict, groups: int = GROUPS) -> Encoded:
        """Encodes raw features; `groups` as in `GenCO.encode`."""
        return self.encode_packed(self.pack(raw), groups)

    def encode_packed(self, packed: Batch, groups: int = GROUPS) -> Encoded:
        """Encodes a packed batch with the folded context encoder."""
        return self._model.encode(packed, groups=groups, encoder=self._folded)

    def pack(self, raw: dict) -> Batch:
        """Transforms raw features and packs them into a batch."""
        return pack(self.transforms(raw), self._model.tables)
