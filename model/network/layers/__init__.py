"""The Keras layers of GenCO."""

from model.network.layers.combination_bias import CombinationBias
from model.network.layers.context_encoder import ContextEncoder
from model.network.layers.cross_component_attention import CrossComponentAttention
from model.network.layers.mil_aggregation import MilAggregation
from model.network.layers.score_network import ScoreNetwork
from model.network.layers.shrunk_bias import ShrunkBias
from model.network.layers.subword_bias import SubwordBias

__all__ = [
    'CombinationBias',
    'ContextEncoder',
    'CrossComponentAttention',
    'MilAggregation',
    'ScoreNetwork',
    'ShrunkBias',
    'SubwordBias',
]
