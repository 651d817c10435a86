"""A client of a served GenCO model that needs grpcio, protobuf and numpy only."""

from serving.client.client import (
    AsyncCreativeClient,
    CreativeClient,
    Exploration,
    ModelVersion,
    ServerError,
    Tls,
)
from serving.client.content import ElementContent
from serving.client.request import SelectRequest

__all__ = [
    'AsyncCreativeClient',
    'CreativeClient',
    'ElementContent',
    'Exploration',
    'ModelVersion',
    'SelectRequest',
    'ServerError',
    'Tls',
]
