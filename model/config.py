"""Configuration of the feature transforms, the model and its training.

Two presets exist: `paper` has the equations of the paper alone, with an optimizer that fits them; `tuned` is what
measured best. Keys given beside `preset` win over it.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from creative_logs.base_config import Frozen
from creative_logs.schema import LogSchema


def power_of_two(key: str, value: int) -> int:
    """The value itself.

    Raises:
        ValueError: it is not a power of two.
    """
    if value & (value - 1):
        raise ValueError(f'{key} must be a power of two: got {value}')
    return value


class TransformConfig(Frozen):
    """Sizes of the hash tables: the next power of two above (distinct ids x load_factor) buckets.

    Attributes:
        load_factor: The number of buckets per distinct id, before rounding up to a power of two.
        min_buckets: The least number of buckets of a table, a power of two.
        max_buckets: The largest number of buckets of a table, a power of two.
        frequent_threshold: An element id seen at least this often gets a dedicated row; all others are
            hashed. 0 hashes every id.
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
        phi: Whether there is phi, the network of the paper, with all that feeds it: embeddings, context encoder,
            attention, and aggregation of embedded elements.
        element_dim: D, the size of an id's embedding.
        encoder_units: The layer sizes of the context encoder; the last is H.
        attention: Whether there is cross-component attention (eq. 13); without it z is zero.
        attention_dim: The hidden size of that attention.
        phi_units: The hidden layer sizes of phi, before its single output.
        additive: Whether scalar effects of each element, each ad and each whole combination, shrunk towards
            zero, are added to the scores of phi, with tastes and synergies.
        importance: Whether the effects of elements are multiplied by the importance of their component in the
            context.
        taste_dim: H, the number of factors of a taste, the product of a user's context and an element; 0 for no
            tastes.
        synergy_dim: The number of factors of a synergy, the product of two elements that are shown together; 0 for
            no synergies.
        combination_rows: The number of rows of the hash table of whole combinations, a power of two.
        samples: K, the number of combinations considered per ad when serving (eq. 24): the greedy one and
            K - 1 drawn from the policy.
        replacement: Whether the K - 1 combinations are drawn independently, as in the paper; otherwise they
            are drawn without replacement and all differ.
        temperature: The temperature of the served policy; below 1 it concentrates on the best elements.
    """

    phi: bool = False
    element_dim: int = Field(4, ge=1)
    encoder_units: tuple[int, ...] = (32, 16, 8)
    attention: bool = True
    attention_dim: int = Field(4, ge=1)
    phi_units: tuple[int, ...] = (64, 32, 8)
    additive: bool = True
    importance: bool = True
    taste_dim: int = Field(5, ge=0)
    synergy_dim: int = Field(2, ge=0)
    combination_rows: int = Field(1 << 20, ge=2)
    samples: int = Field(32, ge=2)
    replacement: bool = True
    temperature: float = Field(1.0, gt=0)

    @field_validator('combination_rows')
    @classmethod
    def _is_power_of_two(cls, rows: int) -> int:
        return power_of_two('combination_rows', rows)

    @model_validator(mode='after')
    def _scores_something(self):
        if not self.phi and not self.additive:
            raise ValueError('phi and additive are both false: there is nothing that scores elements')
        return self


class TrainingConfig(Frozen):
    """Losses and optimizers.

    Attributes:
        batch_size: The number of impressions per update.
        epochs: The number of passes over the logs, each in the order of time.
        seed: The seed of the initial weights.
        reward: `paper` is click_reward for a click and no_click_reward otherwise; `advantage` is the click
            minus the predicted CTR of the shown combination.
        click_reward: The reward of a click where reward is `paper`.
        no_click_reward: The reward of an impression without a click where reward is `paper`.
        combination_loss: The weight of L_comb, the loss of the shown combination (eq. 11).
        element_loss: The weight of L_ele, the loss of the shown elements (eq. 12).
        rl_loss: The weight of L_RL, the policy gradient (lambda, eq. 23).
        max_importance_weight: The largest importance weight pi/propensity in the policy gradient; larger
            ones are clipped. 0 uses no importance weights.
        policy_samples: The number of combinations per ad that are drawn from the policy, and rewarded by their
            predicted CTR, in the policy gradient, beside the one that was shown; 0, or at least 2.
        sparse_optimizer: The optimizer of the embedding tables, which takes summed gradients.
        sparse_learning_rate: The learning rate of the embedding tables.
        dense_optimizer: The optimizer of the layers, which takes mean gradients.
        dense_learning_rate: The learning rate of the layers.
        element_prior_std: The prior standard deviation of an element's effect, in logits.
        ad_prior_std: The prior standard deviation of an ad's effect, in logits.
        subword_prior_std: The prior standard deviation of the effect of a subword of an element's text, in
            logits.
        combination_prior_std: The prior standard deviation of a whole combination's effect, in logits.
        synergy_prior_std: The prior standard deviation of the entries of the matrices by which the factors of two
            elements are multiplied, in logits.
        preference_prior_std: The largest prior standard deviation that may be learned for the weight of the
            logging policy's preference for an element.
        evidence_impressions: The largest number of impressions that the effects are fitted to, the newest
            ones; each takes about 50 bytes of memory.
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
    policy_samples: int = Field(0, ge=0)
    sparse_optimizer: Literal['sgd', 'adagrad'] = 'adagrad'
    sparse_learning_rate: float = Field(0.005, gt=0)
    dense_optimizer: Literal['sgd', 'adam'] = 'adam'
    dense_learning_rate: float = Field(3e-4, gt=0)
    element_prior_std: float = Field(0.15, gt=0)
    ad_prior_std: float = Field(0.6, gt=0)
    subword_prior_std: float = Field(0.1, gt=0)
    combination_prior_std: float = Field(0.12, gt=0)
    synergy_prior_std: float = Field(0.06, gt=0)
    preference_prior_std: float = Field(0.3, gt=0)
    evidence_impressions: int = Field(50_000_000, ge=1)

    @field_validator('policy_samples')
    @classmethod
    def _can_be_compared(cls, samples: int) -> int:
        if samples == 1:
            raise ValueError(
                'policy_samples must be 0 or at least 2, because a draw is compared with the others: got 1'
            )
        return samples


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    'tuned': {'model': {}, 'training': {}},
    'paper': {
        'model': {'phi': True, 'additive': False},
        'training': {'reward': 'paper', 'sparse_learning_rate': 0.1, 'dense_learning_rate': 1e-3},
    },
}


class GencoConfig(Frozen):
    """All that Transform and Trainer need.

    Attributes:
        log_schema: The columns of the logs.
        transform: Sizes of the hash tables.
        preset: `paper` has the equations of the paper alone, with an optimizer that fits them; `tuned` is what
            measured best. Keys of `model` and `training` that are given take precedence over it.
        model: The shape of the network.
        training: Losses and optimizers.
    """

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
