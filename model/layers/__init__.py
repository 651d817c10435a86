"""Keras layers of GenCO, each on packed elements."""

from model.layers.combination_bias import CombinationBias
from model.layers.context_encoder import ContextEncoder
from model.layers.cross_component_attention import CrossComponentAttention
from model.layers.mil_aggregation import MilAggregation
from model.layers.score_network import ScoreNetwork
from model.layers.shrunk_bias import ShrunkBias
from model.layers.subword_bias import SubwordBias

__all__ = [
    'CombinationBias',
    'ContextEncoder',
    'CrossComponentAttention',
    'MilAggregation',
    'ScoreNetwork',
    'ShrunkBias',
    'SubwordBias',
]
