import json

import pytest

from benchmarks.paper import ablation
from benchmarks.paper.ablation import COMBINATION, FULL, PHI_ALONE, VARIANTS, changed
from creative_logs.simulator.config import SimulatorConfig
from model.config import GencoConfig

pytestmark = pytest.mark.minutes

CONFIG = GencoConfig(log_schema=SimulatorConfig().log_schema())


@pytest.fixture(scope='module')
def figures():
    return ablation.run(quick=True, ads=100, impressions=150)


def test_the_full_model_lifts_every_larger_component_and_the_whole(figures):
    lift = {row['component']: row['lift'] for row in figures['rows'] if row['variant'] == FULL}
    assert min(lift['title'], lift['image'], lift['highlight'], lift['structure_attribute']) > 0
    assert lift[COMBINATION] > max(lift[component] for component in lift if component != COMBINATION)


def test_the_whole_model_is_not_worse_than_what_is_left_of_it(figures):
    change = {
        row['variant']: row['change']
        for row in figures['rows']
        if row.get('component') == COMBINATION and row['variant'] != FULL
    }
    assert change.keys() == (VARIANTS.keys() | {'without_catalogue'}) - {FULL}
    del change['without_catalogue']  # Which of the two is ahead is not known in worlds as small as these.
    assert max(change.values()) < 0.03
    assert change[PHI_ALONE] < 0


def test_the_whole_choice_of_each_variant_has_its_share_of_the_oracle(figures):
    whole = {row['variant']: row for row in figures['rows'] if row['component'] == COMBINATION}
    # The ratio of means over worlds is that of each world only where the shares are not close to zero.
    ratio = {
        name: row['lift'] / row['oracle_share'] for name, row in whole.items() if row['oracle_share'] > 0.1
    }
    assert FULL in ratio and len(ratio) >= 4
    assert all(row['oracle_share'] < 1 for row in whole.values())
    assert max(ratio.values()) < 1.2 * min(ratio.values())  # The oracle's lift is that of the worlds.
    assert not any('oracle_share' in row for row in figures['rows'] if row['component'] != COMBINATION)


def test_changes_are_called_noise_where_their_interval_holds_zero(figures):
    for row in figures['rows']:
        if row['variant'] != FULL:
            assert row['noise'] == (row['change_low'] <= 0 <= row['change_high'])


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_each_variant_switches_off_what_it_is_named_after():
    assert changed(CONFIG, VARIANTS[FULL]) == CONFIG
    phi_alone = changed(CONFIG, VARIANTS[PHI_ALONE])
    for base, name, section, key in (
        (CONFIG, 'without_tastes', 'model', 'taste_dim'),
        (CONFIG, 'without_synergies', 'model', 'synergy_dim'),
        (CONFIG, 'without_importance', 'model', 'importance'),
        (phi_alone, f'{PHI_ALONE}_without_mil', 'training', 'combination_loss'),
        (phi_alone, f'{PHI_ALONE}_without_rl', 'training', 'rl_loss'),
        (phi_alone, f'{PHI_ALONE}_without_attention', 'model', 'attention'),
    ):
        of_base = getattr(base, section)
        assert getattr(of_base, key)
        assert changed(CONFIG, VARIANTS[name]) == base.model_copy(
            update={section: of_base.model_copy(update={key: type(getattr(of_base, key))(0)})}
        )
