"""The configuration of the simulated world; its defaults follow Table 1 and Figure 3 of the GenCO paper."""

import datetime
import math

from pydantic import Field, model_validator

from creative_logs.base_config import Frozen, Name
from creative_logs.schema import Component, Content, ContextFeature, LogSchema

# Implied by Table 1: exposures per element and day x number of elements / (coverage x number of ads).
IMPRESSIONS_PER_AD_AND_DAY = 4.6


class SimulatedComponent(Frozen):
    """One component of the simulated ads.

    Attributes:
        name: The name of the component: letters, digits and "_".
        coverage: The share of ads that have the component.
        candidates: The mean number of candidates of the ads that have it.
        ads_per_element: The mean number of ads that share an element.
    """

    name: Name
    coverage: float = Field(1.0, gt=0, le=1)
    candidates: float = Field(ge=1)
    ads_per_element: float = Field(ge=1)


# Coverage and mean candidates are printed in Table 1. Ads per element follow from it:
# 110 million ads x coverage x mean candidates / number of ids.
TABLE_1 = (
    SimulatedComponent(name='title', coverage=1.0, candidates=6.3, ads_per_element=3.0),
    SimulatedComponent(name='image', coverage=1.0, candidates=3.4, ads_per_element=2.7),
    SimulatedComponent(name='marketing', coverage=0.39, candidates=2.2, ads_per_element=6.3),
    SimulatedComponent(name='highlight', coverage=0.956, candidates=7.0, ads_per_element=2.5),
    SimulatedComponent(name='attribute', coverage=0.583, candidates=2.3, ads_per_element=2.1),
    SimulatedComponent(name='structure_attribute', coverage=0.678, candidates=8.1, ads_per_element=1.9),
)

# Read off Figure 3, which is printed without numbers: the image has the largest weight in every category;
# highlight and the attributes weigh more in phone, computer and wine, the image in clothing and bedding.
FIGURE_3: dict[str, tuple[float, ...]] = {
    'phone': (0.7, 1.5, 0.5, 1.1, 1.0, 1.1),
    'computer': (0.7, 1.4, 0.5, 1.1, 1.1, 1.2),
    'wine': (0.8, 1.4, 0.6, 1.0, 1.0, 1.0),
    'clothing': (0.7, 2.0, 0.6, 0.5, 0.4, 0.4),
    'bedding': (0.8, 1.9, 0.7, 0.6, 0.5, 0.5),
    'toys': (0.9, 1.6, 0.8, 0.8, 0.7, 0.7),
    'grocery': (0.9, 1.5, 1.0, 0.8, 0.7, 0.7),
}


class SimulatorConfig(Frozen):
    """The simulated world. Standard deviations are in logits of the click probability.

    Attributes:
        seed: The seed of all random numbers; equal seeds and properties give equal logs.
        ads: The number of ads.
        users: The number of users.
        queries_per_category: The number of queries per category.
        start_day: The first day of the logs.
        days: The number of days of logs.
        rows: The number of impressions per day, both splits together; where null, 4.6 per ad, as Table 1
            implies.
        test_share: The share of the impressions in which the uniform policy chooses (the test split).
        ctr: The mean click-through rate of the production traffic.
        element_effect_std: The standard deviation of an element's effect on all users, before it is weighted
            by its component's importance.
        taste_std: The standard deviation of how much more or less a user segment likes an element than all
            users do.
        synergy_std: The standard deviation of the effect of a pair of elements of two components beyond the
            sum of their own effects.
        appeal_std: The standard deviation of an ad's effect, whatever it shows.
        user_std: The standard deviation of a user's effect.
        query_std: The standard deviation of a query's effect.
        traffic_std: The standard deviation of the logarithm of an ad's traffic.
        appeal_traffic_correlation: The correlation between an ad's appeal and the logarithm of its traffic.
        new_elements_per_day: The share of the elements that expire each day and are replaced by new ones.
        policy_sharpness: The inverse temperature of the production policy; 0 is uniform.
        policy_accuracy: The correlation between what the production policy believes of an element and the
            element's effect.
        policy_position_habit: How much less, in logits, the production policy prefers each next position in
            the list.
        policy_exploration: The share of the production traffic in which the policy chooses uniformly.
        label_error_share: The probability that the catalogue labels an element with a wrong theme, and,
            independently, with a wrong style.
        vector_quality_share: The share of the variance of the elements' quality that their vectors in the
            catalogue explain.
        vector_dimensions: The number of dimensions of the vectors in the catalogue.
        max_candidates: The length of the longest candidate list.
        components: The shape of each component.
        importance: The weights of the components in each category, one per component.
    """

    seed: int = Field(1, ge=0)
    ads: int = Field(2000, ge=1)
    users: int = Field(50_000, ge=1)
    queries_per_category: int = Field(50, ge=1)
    start_day: datetime.date = datetime.date(2024, 6, 20)
    days: int = Field(33, ge=1)
    rows: int | None = Field(None, ge=2)
    test_share: float = Field(0.05, gt=0, lt=1)
    ctr: float = Field(0.0684, ge=1e-4, le=0.9)
    element_effect_std: float = Field(0.2, ge=0)
    taste_std: float = Field(0.12, ge=0)
    synergy_std: float = Field(0.08, ge=0)
    appeal_std: float = Field(0.6, ge=0)
    user_std: float = Field(0.3, ge=0)
    query_std: float = Field(0.2, ge=0)
    traffic_std: float = Field(1.0, ge=0)
    appeal_traffic_correlation: float = Field(0.5, ge=-1, le=1)
    new_elements_per_day: float = Field(0.03, ge=0, le=1)
    policy_sharpness: float = Field(1.0, ge=0)
    policy_accuracy: float = Field(0.5, ge=-1, le=1)
    policy_position_habit: float = Field(0.1, ge=0)
    policy_exploration: float = Field(0.1, ge=0, le=1)
    label_error_share: float = Field(0.1, ge=0, le=1)
    vector_quality_share: float = Field(0.3, ge=0, le=1)
    vector_dimensions: int = Field(32, ge=10)  # 1 tells the quality, 7 tell the theme, 2 the style.
    max_candidates: int = Field(15, ge=1)
    components: tuple[SimulatedComponent, ...] = TABLE_1
    importance: dict[str, tuple[float, ...]] = FIGURE_3

    @model_validator(mode='after')
    def _importance_fits(self):
        for category, weights in self.importance.items():
            if len(weights) != len(self.components) or min(weights) < 0 or max(weights) == 0:
                raise ValueError(
                    f'importance of {category!r} must be {len(self.components)} weights of at least 0, '
                    f'one per component and not all 0: got {weights}'
                )
        if not self.importance:
            raise ValueError('importance must name at least one category')
        return self

    @model_validator(mode='after')
    def _days_have_dates(self):
        left = (datetime.date.max - self.start_day).days
        if self.days > left:
            raise ValueError(f'days must be at most {left} from {self.start_day} on: got {self.days}')
        return self

    def rows_of(self, split: str) -> int:
        """The number of rows per day in the split 'train' or 'test', at least one each."""
        total = math.ceil(self.ads * IMPRESSIONS_PER_AD_AND_DAY) if self.rows is None else self.rows
        test = min(max(round(total * self.test_share), 1), max(total - 1, 1))
        return test if split == 'test' else max(total - test, 1)

    def day_name(self, day: int) -> str:
        """The date, YYYY-MM-DD, that is `day` days after the first day."""
        return (self.start_day + datetime.timedelta(days=day)).isoformat()

    def log_schema(self, content: bool = False) -> LogSchema:
        """The schema of the simulated logs.

        Args:
            content: Whether the components have the content that the catalogue lists: text, attributes and
                vectors. The columns of the logs are the same with and without it.
        """
        told = Content(text=True, attributes=True, vector=self.vector_dimensions) if content else None
        return LogSchema(
            context=(
                ContextFeature(name='user_id'),
                ContextFeature(name='age', type='int64', encoding='category'),
                ContextFeature(name='gender', encoding='category'),
                ContextFeature(name='query_id'),
                ContextFeature(name='query_terms', type='string_list'),
                ContextFeature(name='ad_id'),
                ContextFeature(name='category', encoding='category'),
            ),
            components=tuple(Component(name=c.name, content=told) for c in self.components),
            max_candidates=self.max_candidates,
        )
