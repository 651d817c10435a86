"""The optional peer is there exactly where VowpalWabbit is installed."""

from importlib.util import find_spec

from model.baselines import left_out, peers
from tests.model.baselines.logs import LAYOUT


def test_is_a_peer_or_named_as_left_out():
    present = find_spec('vowpalwabbit') is not None
    assert ('vowpal_wabbit' in peers(LAYOUT)) == present
    assert ('vowpal_wabbit' in left_out()) != present
