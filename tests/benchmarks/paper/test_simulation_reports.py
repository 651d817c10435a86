"""Tables and plots of the benchmarks on simulated logs, from figures made by hand."""

import importlib
import io

import pytest
from rich.console import Console

LIFT = {'lift': 0.123, 'low': 0.1, 'high': 0.15}
SHARE = {'oracle_share': 0.4, 'oracle_share_low': 0.3, 'oracle_share_high': 0.5}
REGRET = {'regret': 0.05, 'regret_low': 0.04, 'regret_high': 0.06}
AHEAD = {'policy': 'genco', 'peer': 'dco', 'value': 0.0321, 'low': 0.02, 'high': 0.04, 'p': 0.004}
CHANGE = {'change': -0.0123, 'change_low': -0.02, 'change_high': -0.01, 'p': 0.004, 'noise': False}

KNOWN_TRUTH = {
    'rows': [
        {'impressions_per_ad': n, 'policy': policy, **LIFT, **SHARE, **REGRET}
        for n in (500, 20)
        for policy in ('dco', 'genco')
    ],
    'differences': [{'impressions_per_ad': n, **AHEAD} for n in (500, 20)],
    'new_elements': [],
    'catalogue': False,
    'seeds': [1, 2],
}
TWINS = {'impressions': 52.0, 'lift_shown': 0.12, 'lift_new': 0.09, 'share': 0.75}
KNOWN_TRUTH_CONTENT = KNOWN_TRUTH | {
    'rows': [
        {'impressions_per_ad': 20, 'policy': policy, **LIFT, **SHARE, **REGRET}
        for policy in ('dco', 'genco', 'genco_content')
    ],
    'differences': [
        {'impressions_per_ad': 20, **AHEAD, 'policy': policy, 'value': value}
        for policy, value in (('genco', 0.0321), ('genco_content', 0.0654))
    ],
    'new_elements': [
        {'impressions_per_ad': 20, 'policy': 'genco_content', **TWINS},
        {'impressions_per_ad': 20, 'policy': 'genco', **TWINS, 'share': None},
    ],
    'catalogue': True,
}
AB = {
    'rows': [
        {'policy': policy, **LIFT, 'rpm_lift': 0.456, 'rpm_lift_low': 0.4, 'rpm_lift_high': 0.5}
        for policy in ('dco', 'genco')
    ],
    'differences': [AHEAD],
    'daily': [{'policy': policy, 'day': day, **LIFT} for policy in ('dco', 'genco') for day in (1, 2)],
    'days': 2,
    'impressions_per_day': 1000,
    'catalogue': False,
    'seeds': [1, 2],
}
AB_CONTENT = AB | {
    'rows': [*AB['rows'], AB['rows'][0] | {'policy': 'genco_content'}],
    'differences': [AHEAD | {'policy': 'genco_content', 'peer': 'genco', 'value': 0.0654}, AHEAD],
    'catalogue': True,
}
ABLATION = {
    'rows': [
        {'variant': 'full', 'component': 'image', **LIFT},
        {'variant': 'without_rl', 'component': 'image', **LIFT, **CHANGE},
        {'variant': 'without_mil', 'component': 'image', **LIFT, **CHANGE, 'noise': True},
        {'variant': 'full', 'component': 'combination', **LIFT, **SHARE},
    ],
    'seeds': [1, 2],
}
CANDIDATES = {
    'rows': [
        {'component': 'image', 'from': low, 'to': high, **LIFT} for low, high in ((1, 2), (3, 5), (6, 15))
    ],
    'seeds': [1, 2],
}
IMPORTANCE = {
    'rows': [
        {'category': c, 'component': j, 'truth': 0.123, 'attention': 0.456, 'score_variance': 0.5}
        for c in ('phone', 'wine')
        for j in ('image', 'title')
    ],
    'rank_correlations': [
        {'measure': measure, 'category': 'all', 'value': 0.9, 'low': 0.8, 'high': 1.0}
        for measure in ('attention', 'score_variance')
    ],
    'seeds': [1, 2],
}


@pytest.mark.parametrize(
    ('name', 'figures', 'expected'),
    [
        (
            'quality.known_truth',
            KNOWN_TRUTH,
            ['+12.3 (+10.0 to +15.0)', '+40.0', '+3.2', 'p 0.004', '500', '20'],
        ),
        (
            'quality.known_truth',
            KNOWN_TRUTH_CONTENT,
            [
                '+9.0 / +12.0 (75%)',
                '+9.0 / +12.0 ',
                '+3.2',
                '+6.5',
                'reading the catalogue',
                'genco_content',
            ],
        ),
        ('paper.ab', AB_CONTENT, ['+3.2', '+6.5', 'genco_content ahead']),
        ('paper.ab', AB, ['+12.3 (+10.0 to +15.0)', '+45.6 (+40.0 to +50.0)', '+3.2', '1,000']),
        ('paper.ablation', ABLATION, ['-1.23 (-2.00 to -1.00) p 0.004', 'noise', '+12.3', '+40.0']),
        ('paper.candidates', CANDIDATES, ['1-2: +12.3', '6-15: +12.3']),
        ('paper.importance', IMPORTANCE, ['12.3', '45.6', '50.0', '+0.90 (+0.80 to +1.00)']),
    ],
)
def test_tables_and_plot_show_the_figures(name, figures, expected):
    report = importlib.import_module(f'benchmarks.{name}_report')
    output = io.StringIO()
    Console(file=output, width=200).print(*report.tables(figures))
    assert not [text for text in expected if text not in output.getvalue()]
    page = report.plot(figures)
    assert page.startswith('<!DOCTYPE html>') and page.rstrip().endswith('</html>')


@pytest.mark.parametrize(
    ('name', 'figures', 'order'),
    [
        ('quality.known_truth', KNOWN_TRUTH, ['genco', 'dco']),
        ('quality.known_truth', KNOWN_TRUTH_CONTENT, ['genco_content', 'genco', 'dco']),
        ('paper.ab', AB, ['genco', 'dco']),
        ('paper.ab', AB_CONTENT, ['genco_content', 'genco', 'dco']),
    ],
)
def test_genco_is_the_first_line_of_a_chart(monkeypatch, name, figures, order):
    report = importlib.import_module(f'benchmarks.{name}_report')
    monkeypatch.setattr(report, 'chart', lambda title, label, categories, series: (categories, list(series)))
    categories, policies = report.plot(figures)
    assert policies == order
    assert categories == sorted(categories, key=int)


def test_the_largest_share_of_a_map_is_darkest():
    from benchmarks.common.charts.heat_map import heat_maps

    page = heat_maps('shares', ['a', 'b'], {'map': {'row <1>': [0.25, 0.5]}})
    assert 'rgb(27, 108, 168); color: white">50.0 %' in page
    assert 'rgb(141, 182, 212); color: black">25.0 %' in page
    assert 'row &lt;1&gt;' in page
