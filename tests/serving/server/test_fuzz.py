"""Malformed requests: each gets a proper answer, and the server keeps serving as before."""

from tests.serving.helpers import MODEL
from tests.serving.survival import assert_survives
from tests.serving.tiny_model import example_inputs, predict_request

REQUESTS = 1000


def test_a_thousand_malformed_requests(any_server):
    good = predict_request(example_inputs(), MODEL).SerializeToString(deterministic=True)
    assert_survives(any_server.channel, good, REQUESTS)
