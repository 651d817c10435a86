"""The curated schema says what ExampleGen's examples look like."""

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.log_example_gen.encoding import encode
from components.log_schema_gen.component import LogSchemaGen
from components.log_schema_gen.curated import curated_schema
from tests.creative_logs.examples import SCHEMA, batch_of, good_row


def test_examples_parse_with_it():
    spec = schema_utils.schema_as_feature_spec(curated_schema(SCHEMA)).feature_spec
    rows = batch_of(good_row(click=1), good_row(age=None, image_candidates=[], image_shown=-1))
    parsed = tf.io.parse_example(encode(rows), spec)
    assert set(parsed) == set(SCHEMA.arrow_schema().names)
    assert parsed['click'].numpy().tolist() == [[1], [0]]
    assert parsed['image_shown'].numpy().tolist() == [[3], [-1]]
    assert parsed['age'].to_list() == [[30], []]
    assert parsed['image_candidates'].to_list() == [[b'i1', b'i2', b'i3', b'i4'], []]


def test_domains_follow_from_the_log_schema():
    features = {feature.name: feature for feature in curated_schema(SCHEMA).feature}
    assert (features['click'].int_domain.min, features['click'].int_domain.max) == (0, 1)
    assert features['title_shown'].int_domain.min == -1
    assert features['image_propensity'].float_domain.max == 1
    assert features['ad_id'].presence.min_fraction == 1
    assert features['policy'].presence == schema_pb2.FeaturePresence()


def test_the_component_writes_it(tmp_path):
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path)
    component = LogSchemaGen(log_schema=SCHEMA.model_dump_json())
    component.executor_spec.executor_class().Do({}, {'schema': [artifact]}, component.exec_properties)
    (path,) = tmp_path.iterdir()
    assert io_utils.SchemaReader().read(str(path)) == curated_schema(SCHEMA)
