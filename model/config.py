"""Configuration of the feature transforms, the model and its training.

Two presets exist: `paper` is the recipe of the paper taken literally, `tuned` is what measured best.
Keys given beside `preset` win over it.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from creative_logs.schema import Frozen, LogSchema


def power_of_two(key: str, value: int) -> int:
    """The value itself.

    Raises:
        ValueError: it is not a power of two.
    """
    if value & (value - 1):
        raise ValueError(f'{key} must be a power of two: got {value}')
    return value


class TransformConfig(Frozen):
    """Hash tables: buckets = next power of two above (distinct ids x load_factor).

    Attributes:
        load_factor: buckets per distinct id, before rounding up to a power of two.
        min_buckets, max_buckets: bounds of a table, powers of two.
        frequent_threshold: an element id seen at least so often gets a row of its own, the rest is
            hashed; 0 hashes every id.
        frequent_limit: The largest number of ids with a dedicated row, over all components together; the most
            frequent ids get one.
    """

    load_factor: float = Field(4.0, gt=0)
    min_buckets: int = Field(64, ge=2)
    max_buckets: int = Field(1 << 24, ge=2)
    frequent_threshold: int = Field(1, ge=0)
    frequent_limit: int = Field(1_000_000, ge=1)

    @model_validator(mode='after')
    def _powers_of_two(self):
        for key in ('min_buckets', 'max_buckets'):
            power_of_two(key, getattr(self, key))
        if self.min_buckets > self.max_buckets:
            raise ValueError(f'min_buckets {self.min_buckets} is above max_buckets {self.max_buckets}')
        return self


class ModelConfig(Frozen):
    """Shape of the network (paper: Implementation Details).

    Attributes:
        element_dim: D, size of an id's embedding.
        encoder_units: layers of the context encoder; the last is H.
        attention: cross-component attention (eq. 13); without it z is zero.
        attention_dim: hidden size of that attention.
        phi_units: hidden layers of phi, before its one output.
        additive: adds shrunk scalar biases per element, per ad and per whole combination to the scores
            of phi.
        combination_rows: of the hash table of whole combinations, a power of two.
        samples: K combinations per ad when serving (eq. 24): the greedy one and K - 1 drawn.
        replacement: draws the K - 1 independently, as the paper does; else without replacement, so that each
            is another combination.
        temperature: of the served policy; below 1 it keeps closer to the best elements.
    """

    element_dim: int = Field(4, ge=1)
    encoder_units: tuple[int, ...] = (32, 16, 8)
    attention: bool = True
    attention_dim: int = Field(4, ge=1)
    phi_units: tuple[int, ...] = (64, 32, 8)
    additive: bool = True
    combination_rows: int = Field(1 << 20, ge=2)
    samples: int = Field(32, ge=2)
    replacement: bool = True
    temperature: float = Field(1.0, gt=0)

    @field_validator('combination_rows')
    @classmethod
    def _is_power_of_two(cls, rows: int) -> int:
        return power_of_two('combination_rows', rows)


class TrainingConfig(Frozen):
    """Losses and optimizers.

    Attributes:
        batch_size, epochs, seed: as usual; data come in the order of time.
        reward: `paper` is click_reward for a click and no_click_reward else; `advantage` is the click
            minus the predicted CTR of the shown combination.
        combination_loss, element_loss, rl_loss: weights of L_comb, L_ele and L_RL (lambda, eq. 23).
        max_importance_weight: clip of the importance weights pi/propensity of the policy
            gradient; 0 uses none.
        sparse_optimizer, sparse_learning_rate: for embedding rows, on summed gradients.
        dense_optimizer, dense_learning_rate: for the layers, on mean gradients.
        element_prior_std, ad_prior_std, subword_prior_std, combination_prior_std: prior standard deviations
            (logits) of the effects of elements, of ads, of an element's subwords and of whole combinations.
        preference_prior_std: of how much the preference of the logging policy for an element is worth.
        evidence_impressions: the effects are fitted to the newest so many rows, 50 bytes of memory each.
    """

    batch_size: int = Field(1024, ge=1)
    epochs: int = Field(1, ge=1)
    seed: int = 1
    reward: Literal['paper', 'advantage'] = 'advantage'
    click_reward: float = 1.0
    no_click_reward: float = -0.1
    combination_loss: float = Field(1.0, ge=0)
    element_loss: float = Field(1.0, ge=0)
    rl_loss: float = Field(0.15, ge=0)
    max_importance_weight: float = Field(0.0, ge=0)
    sparse_optimizer: Literal['sgd', 'adagrad'] = 'adagrad'
    sparse_learning_rate: float = Field(0.005, gt=0)
    dense_optimizer: Literal['sgd', 'adam'] = 'adam'
    dense_learning_rate: float = Field(3e-4, gt=0)
    element_prior_std: float = Field(0.15, gt=0)
    ad_prior_std: float = Field(0.6, gt=0)
    subword_prior_std: float = Field(0.1, gt=0)
    combination_prior_std: float = Field(0.12, gt=0)
    preference_prior_std: float = Field(0.3, gt=0)
    evidence_impressions: int = Field(50_000_000, ge=1)


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    'tuned': {'model': {}, 'training': {}},
    'paper': {
        'model': {'additive': False},
        'training': {
            'reward': 'paper',
            'sparse_optimizer': 'sgd',
            'sparse_learning_rate': 5e-3,
            'dense_optimizer': 'sgd',
            'dense_learning_rate': 5e-3,
        },
    },
}


class GencoConfig(Frozen):
    """All that Transform and Trainer need: the log schema, the transforms, the network, the training."""

    log_schema: LogSchema
    transform: TransformConfig = TransformConfig()
    preset: Literal['paper', 'tuned'] = 'tuned'
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode='before')
    @classmethod
    def _apply_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get('preset', 'tuned') not in PRESETS:
            return data
        merged = dict(data)
        for section, defaults in PRESETS[data.get('preset', 'tuned')].items():
            given = data.get(section) or {}
            if isinstance(given, dict):
                merged[section] = {**defaults, **given}
        return merged
