from pathlib import Path

import pytest
from pydantic import ValidationError

from creative_logs.simulator.config import FIGURE_3, TABLE_1, SimulatorConfig
from tfx_pipeline.config import load_config


def test_the_demo_configuration_reads_simulated_logs_and_their_catalogue():
    demo = load_config(Path(__file__).parents[3] / 'configs' / 'demo.yaml')
    assert SimulatorConfig().log_schema(content=True) == demo.log_schema


def test_rows_are_those_of_table_1_unless_given():
    assert SimulatorConfig(ads=1000).rows_of('train') + SimulatorConfig(ads=1000).rows_of('test') == 4600
    config = SimulatorConfig(rows=1000, test_share=0.25)
    assert (config.rows_of('train'), config.rows_of('test')) == (750, 250)


@pytest.mark.parametrize('share', [1e-9, 1 - 1e-9])
def test_both_splits_have_rows(share):
    config = SimulatorConfig(rows=2, test_share=share)
    assert (config.rows_of('train'), config.rows_of('test')) == (1, 1)


def test_days_are_counted_over_the_end_of_a_month():
    config = SimulatorConfig(start_day='2024-02-28')
    assert [config.day_name(day) for day in range(3)] == ['2024-02-28', '2024-02-29', '2024-03-01']


@pytest.mark.parametrize(
    'values',
    [
        {'ads': 0},
        {'rows': 1},
        {'test_share': 0.0},
        {'test_share': 1.0},
        {'ctr': 0.0},
        {'policy_accuracy': 1.5},
        {'label_error_share': -0.1},
        {'label_error_share': 1.1},
        {'vector_quality_share': -0.1},
        {'vector_quality_share': 1.1},
        {'vector_dimensions': 9},
        {'importance': {}},
        {'importance': {'phone': (1.0,)}},
        {'importance': {'phone': (0.0,) * 6}},
        {'components': ()},
        {'colour': 'red'},
    ],
)
def test_impossible_worlds_are_refused(values):
    with pytest.raises(ValidationError):
        SimulatorConfig(**values)


def test_importances_are_those_that_the_paper_describes():
    names = [component.name for component in TABLE_1]
    weights = {category: dict(zip(names, values)) for category, values in FIGURE_3.items()}
    for category in weights.values():
        assert max(category, key=category.get) == 'image'
    for technical in ('phone', 'computer', 'wine'):
        for fashion in ('clothing', 'bedding'):
            assert weights[technical]['image'] < weights[fashion]['image']
            for name in ('highlight', 'attribute', 'structure_attribute'):
                assert weights[technical][name] > weights[fashion][name]
