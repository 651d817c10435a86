"""Turns weights into constants of a graph, for serving."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import tensorflow as tf


@contextmanager
def constant_weights(layer: tf.Module, variables: Iterable[tf.Variable]) -> Iterator[None]:
    """Makes the weights of a layer, and of all layers inside it, constants of the graphs traced meanwhile.

    A graph with constants runs fewer operations than one that reads variables, and its SavedModel has fewer
    variables to restore.

    Args:
        layer: The layer, which must be built.
        variables: The large variables, which stay variables.
    """
    stay = {id(variable) for variable in variables}
    weights = [
        (vars(part), name, value)
        for part in (layer, *layer.submodules)
        for name, value in vars(part).items()
        if isinstance(value, tf.Variable) and id(value) not in stay
    ]
    for attributes, name, weight in weights:
        attributes[name] = weight.numpy()
    try:
        yield
    finally:
        for attributes, name, weight in weights:
            attributes[name] = weight
