"""The log schema, one row per impression: column names, Arrow types and their meaning."""

from typing import Literal

import pyarrow as pa
from pydantic import Field, model_validator

from creative_logs.base_config import Frozen, Name

REQUEST_ID = 'request_id'
TIMESTAMP = 'timestamp'
CLICK = 'click'
WEIGHT = 'weight'
POLICY = 'policy'
MODEL_VERSION = 'model_version'
DECISION_VERSION, DECISION_SEED = 'decision_version', 'decision_seed'
DECISION_TEMPERATURE, DECISION_EPSILON = 'decision_temperature', 'decision_epsilon'
DECISION_POSTERIOR_SCALE = 'decision_posterior_scale'
DECISION_CTR = 'decision_ctr'
CHOICE_PROPENSITY = 'choice_propensity'
CLICK_VALUE = 'click_value'
TRAIN, TEST = 'train', 'test'
SPLITS = (TRAIN, TEST)

_ARROW_TYPES = {
    'string': pa.string(),
    'int64': pa.int64(),
    'float': pa.float32(),
    'string_list': pa.list_(pa.string()),
}
_ENCODINGS = {
    'string': ('id', 'category'),
    'int64': ('number', 'category', 'id'),
    'float': ('number',),
    'string_list': ('terms',),
}


class ContextFeature(Frozen):
    """A feature of the request or of the ad.

    Attributes:
        name: The column of the logs: letters, digits and "_".
        type: The type of the column.
        encoding: How the model reads the feature: `id` through a hash table, `category` through a vocabulary
            of the values seen, `number` standardised, `terms` as the mean embedding of hashed strings. Where
            it is left out: `id` for string, `number` for int64 and float, `terms` for string_list.
    """

    name: Name
    type: Literal['string', 'int64', 'float', 'string_list'] = 'string'
    encoding: Literal['id', 'category', 'number', 'terms'] | None = None

    @model_validator(mode='after')
    def _encoding_fits_type(self):
        allowed = _ENCODINGS[self.type]
        if self.encoding is None:
            object.__setattr__(self, 'encoding', allowed[0])
        if self.encoding not in allowed:
            raise ValueError(
                f'context feature {self.name!r} of type {self.type!r} can be encoded as '
                f'{" or ".join(allowed)}: got {self.encoding!r}'
            )
        return self


class Content(Frozen):
    """What the element catalogue says about the elements of a component.

    Attributes:
        text: Whether the model reads the texts of the elements.
        attributes: Whether the model reads their attributes.
        vector: The number of dimensions of their vectors; 0 where they have none.
    """

    text: bool = False
    attributes: bool = False
    vector: int = Field(0, ge=0)

    @model_validator(mode='after')
    def _says_something(self):
        if not (self.text or self.attributes or self.vector):
            raise ValueError('content must name at least one of text, attributes and vector')
        return self


class Component(Frozen):
    """A creative component C_j.

    Attributes:
        name: The prefix of the component's columns: letters, digits and "_".
        text: Whether the logs have a column `<component>_text` with one text per candidate.
        content: What the element catalogue says about the component's elements; null where it does not list
            them. Content includes the texts, so the logs then have no column of texts.
    """

    name: Name
    text: bool = False
    content: Content | None = None

    @model_validator(mode='after')
    def _one_source_of_texts(self):
        if self.text and self.content is not None:
            raise ValueError(
                f'component {self.name!r}: texts come either from the logs (text) or from the catalogue (content)'
            )
        return self

    @property
    def candidates(self) -> str:
        return f'{self.name}_candidates'

    @property
    def shown(self) -> str:
        return f'{self.name}_shown'

    @property
    def texts(self) -> str:
        return f'{self.name}_text'

    @property
    def attributes(self) -> str:
        return f'{self.name}_attributes'

    @property
    def vectors(self) -> str:
        return f'{self.name}_vector'

    @property
    def content_references(self) -> str:
        return f'{self.name}_content'

    @property
    def propensity(self) -> str:
        return f'{self.name}_propensity'

    @property
    def choice_propensity(self) -> str:
        return f'{self.name}_choice_propensity'


class LogSchema(Frozen):
    """Columns of the Parquet logs.

    Attributes:
        context: The features of the request and of the ad.
        components: The creative components, in the order of the model's axis M.
        ad: The name of the context feature that identifies the ad, a string.
        max_candidates: N, the largest number of candidates per component. Longer lists are truncated; in
            training the shown element is always kept.
    """

    context: tuple[ContextFeature, ...]
    components: tuple[Component, ...]
    ad: Name = 'ad_id'
    max_candidates: int = 15

    @model_validator(mode='after')
    def _consistent(self):
        names = self.arrow_schema().names + self.decision_schema().names
        names += [name for c in self.with_content for name in (c.texts, c.attributes, c.vectors)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f'each column may be named once: {", ".join(repeated)} is repeated')
        if not self.components:
            raise ValueError('at least one component is needed')
        if self.ad not in {f.name for f in self.context if f.type == 'string'}:
            raise ValueError(f'ad: {self.ad!r} is not among the string features of the context')
        if self.max_candidates < 1:
            raise ValueError(f'max_candidates must be at least 1: got {self.max_candidates}')
        return self

    @property
    def with_content(self) -> tuple[Component, ...]:
        """The components whose elements the catalogue describes."""
        return tuple(component for component in self.components if component.content is not None)

    def arrow_schema(self) -> pa.Schema:
        """All columns, including the optional ones, with their Arrow types."""
        fields = [pa.field(REQUEST_ID, pa.string()), pa.field(TIMESTAMP, pa.int64())]
        fields += [pa.field(f.name, _ARROW_TYPES[f.type]) for f in self.context]
        for component in self.components:
            fields.append(pa.field(component.candidates, pa.list_(pa.string())))
            fields.append(pa.field(component.shown, pa.int64()))
            if component.text:
                fields.append(pa.field(component.texts, pa.list_(pa.string())))
            fields.append(pa.field(component.propensity, pa.float32()))
        fields += [
            pa.field(CLICK, pa.int64()),
            pa.field(WEIGHT, pa.float32()),
            pa.field(POLICY, pa.string()),
            pa.field(MODEL_VERSION, pa.string()),
        ]
        return pa.schema(fields)

    def decision_schema(self) -> pa.Schema:
        """Additional columns of logs of served decisions: allowed in every log, read by no model.

        Version, seed, temperature, epsilon and posterior scale make the decision reproducible. The CTR is the model's
        prediction. Choice propensities estimate the probability of showing what was shown, per component and
        for the whole combination. The click value is taken from the source of the clicks. Content references
        are hashes of the content that the request brought, one per candidate up to the last that had some, 0
        for the others.
        """
        fields = [pa.field(name, pa.int64()) for name in (DECISION_VERSION, DECISION_SEED)]
        names = [DECISION_TEMPERATURE, DECISION_EPSILON, DECISION_POSTERIOR_SCALE]
        names += [DECISION_CTR, CHOICE_PROPENSITY, CLICK_VALUE]
        names += [component.choice_propensity for component in self.components]
        fields += [pa.field(name, pa.float32()) for name in names]
        lists = [component.content_references for component in self.with_content]
        return pa.schema(fields + [pa.field(name, pa.list_(pa.int64())) for name in lists])

    def optional_columns(self) -> frozenset[str]:
        """Columns that a log may omit. A missing propensity means 1 / n candidates, a missing weight 1."""
        return frozenset([WEIGHT, POLICY, MODEL_VERSION] + [c.propensity for c in self.components])
