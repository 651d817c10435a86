"""An exported model, as the evaluator uses it."""

import tensorflow as tf

from components.sctr_evaluator.rows.scored_rows import ScoredRows
from creative_logs.errors import InputError


class ExportedModel:
    """Loads a SavedModel that has the function `score_examples(serialized, seed)`.

    Args:
        path: The folder of the SavedModel.

    Raises:
        InputError: The folder holds no SavedModel, or the SavedModel does not have this function.
    """

    def __init__(self, path: str):
        try:
            self._module = tf.saved_model.load(path)
        except (OSError, tf.errors.OpError) as error:
            message = str(error).splitlines()[0]
            raise InputError(
                f'{path}: no exported model: {message}; give the folder of one version'
            ) from error
        if not hasattr(self._module, 'score_examples'):
            raise InputError(f'{path}: not exported by GenCO: it has no function score_examples')

    def score(self, serialized: tf.Tensor, seed: tf.Tensor) -> ScoredRows:
        """Scores R rows.

        Args:
            serialized: Serialized raw tf.Examples, string [R].
            seed: The seeds of the random draws, int64 [R].
        """
        scores = self._module.score_examples(serialized, seed)
        return ScoredRows(**{name: scores[name].numpy() for name in ScoredRows._fields})
