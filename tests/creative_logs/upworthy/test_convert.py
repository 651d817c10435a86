from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.checks.check_logs import check_logs
from creative_logs.errors import InputError
from creative_logs.schema import Component, Content
from creative_logs.upworthy.convert import convert, log_schema, split_impressions
from tests.creative_logs.upworthy.helpers import ARCHIVE, NAMES, PACKAGES, write_csv
from tfx_pipeline.config import load_config

PROJECT = Path(__file__).parents[3]


def read(logs: Path, split: str) -> list[dict]:
    files = sorted(logs.glob(f'*/{split}/*.parquet'))
    return [row | {'month': file.parts[-3]} for file in files for row in pq.read_table(file).to_pylist()]


def totals(rows: list[dict]) -> dict:
    """Impressions and clicks per ad, shown headline and shown image."""
    sums = defaultdict(lambda: np.zeros(2))
    for row in rows:
        key = row['ad_id'], row['headline_shown'], row['image_shown']
        sums[key] += np.array([row['weight'], row['weight'] * row['click']])
    return {key: tuple(value) for key, value in sums.items()}


def test_the_configuration_reads_converted_logs():
    assert load_config(PROJECT / 'configs' / 'upworthy.yaml').log_schema == log_schema()


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1)), min_size=1, max_size=20),
    st.floats(0.001, 0.5),
    st.integers(0, 2**32),
)
def test_no_impression_is_used_twice(packages, share, seed):
    impressions = np.array([n for n, _ in packages])
    clicks = np.array([int(n * ctr) for n, ctr in packages])
    split = split_impressions(impressions, clicks, share, np.random.default_rng(seed))
    train, train_clicks, test, test_clicks = split
    assert (test == impressions // 2).all()
    assert (abs(train - share * impressions) <= 1).all()
    assert (train + test <= impressions).all()
    for n, k in ((train, train_clicks), (test, test_clicks)):
        assert ((0 <= k) & (k <= n)).all()
    left, clicks_left = impressions - train - test, clicks - train_clicks - test_clicks
    assert ((0 <= clicks_left) & (clicks_left <= left)).all()


def test_the_two_halves_are_everything():
    impressions = np.arange(200)
    split = split_impressions(impressions, impressions // 3, 0.5, np.random.default_rng(1))
    train, train_clicks, test, test_clicks = split
    even = impressions % 2 == 0
    assert (train + test == impressions)[even].all()
    assert (train_clicks + test_clicks == impressions // 3)[even].all()


def test_clicks_are_drawn_as_impressions_are():
    impressions, clicks = np.full(40_000, 101), np.full(40_000, 7)
    train, train_clicks, test, test_clicks = split_impressions(
        impressions, clicks, 0.1, np.random.default_rng(1)
    )
    assert train.mean() == pytest.approx(10.1, abs=0.02)
    assert test_clicks.mean() == pytest.approx(7 * 50 / 101, abs=0.03)
    assert train_clicks.mean() == pytest.approx(7 * 10.1 / 101, abs=0.02)
    variance = 50 * (7 / 101) * (94 / 101) * (51 / 100)  # of the hypergeometric distribution
    assert test_clicks.var() == pytest.approx(variance, rel=0.03)


def test_the_logs_hold_what_was_split(tmp_path):
    figures = convert(write_csv(tmp_path / 'packages.csv'), tmp_path / 'logs', 0.4)
    assert (figures['packages'], figures['tests']) == (6, 2)
    for split in ('train', 'test'):
        rows = read(tmp_path / 'logs', split)
        assert figures[split]['rows'] == len(rows)
        assert figures[split]['impressions'] == sum(row['weight'] for row in rows)
        assert figures[split]['clicks'] == sum(row['weight'] * row['click'] for row in rows)
    assert totals(read(tmp_path / 'logs', 'test'))['test2', 1, -1] == (500, 500)
    used = [dict(totals(read(tmp_path / 'logs', split))) for split in ('train', 'test')]
    assert used[1]['test1', 0, 0][0] == 1500
    assert used[0]['test1', 0, 0][0] == pytest.approx(0.4 * 3001, abs=1)
    assert used[1]['test1', 1, 0][0] == 1250 + 50  # the packages that are alike


def test_expanded_rows_have_the_sums_of_weighted_rows(tmp_path):
    source = write_csv(tmp_path / 'packages.csv')
    for name, weight in (('weighted', 64), ('expanded', 1)):
        convert(source, tmp_path / name, 0.3, seed=5, max_weight=weight)
    for split in ('train', 'test'):
        weighted, expanded = (read(tmp_path / name, split) for name in ('weighted', 'expanded'))
        assert totals(weighted) == totals(expanded)
        assert {row['weight'] for row in expanded} == {1.0}
    train = [row['weight'] for row in read(tmp_path / 'weighted', 'train')]
    assert max(train) <= 64 and min(train) >= 1
    test = read(tmp_path / 'weighted', 'test')
    assert len(test) == 9 + 1  # packages x click values, less the empty: clicks of one, no-clicks of one


def test_candidates_are_the_distinct_values_of_a_test(tmp_path):
    convert(write_csv(tmp_path / 'packages.csv'), tmp_path / 'logs', 0.5)
    rows = read(tmp_path / 'logs', 'test')
    one = next(
        row
        for row in rows
        if row['ad_id'] == 'test1' and row['headline_shown'] == 1 and row['image_shown'] == 0
    )
    assert one['headline_text'] == ['One, "two"\nthree', 'Four']
    assert len(set(one['headline_candidates'])) == 2
    assert one['image_candidates'] == ['img1', 'img2']
    assert one['excerpt_text'] == ['ex', ''] and one['excerpt_candidates'][1] == 'none'
    assert one['excerpt_shown'] == 1
    assert (one['lede_candidates'], one['lede_text'], one['lede_shown']) == ([], [], -1)
    assert (one['headline_propensity'], one['image_propensity'], one['excerpt_propensity']) == (
        0.75,
        0.75,
        0.5,
    )
    assert one['lede_propensity'] is None
    two = next(row for row in rows if row['ad_id'] == 'test2')
    assert (two['image_candidates'], two['image_shown'], two['image_propensity']) == ([], -1, None)
    assert {row['policy'] for row in rows} == {'uniform'}


def test_months_are_those_of_the_weeks_and_times_lie_within(tmp_path):
    convert(write_csv(tmp_path / 'packages.csv'), tmp_path / 'logs', 0.5)
    for split in ('train', 'test'):
        rows = read(tmp_path / 'logs', split)
        assert {(row['ad_id'], row['month']) for row in rows} == {
            ('test1', '2014-11-01'),
            ('test2', '2013-01-01'),
        }
        for row in rows:
            day = np.datetime64(row['timestamp'], 'ms')
            assert day.astype('datetime64[M]') == np.datetime64(row['month'], 'M')
        ids = [row['request_id'] for row in rows]
        assert len(set(ids)) == len(ids)
    times = [row['timestamp'] for row in read(tmp_path / 'logs', 'train') if row['month'] == '2014-11-01']
    assert times == sorted(times)
    shown = [r['headline_shown'] for r in read(tmp_path / 'logs', 'train') if r['ad_id'] == 'test1']
    assert np.abs(np.diff(shown)).sum() > len(shown) / 10  # packages take turns


def test_csv_and_parquet_and_repeated_runs_give_the_same_logs(tmp_path):
    source = write_csv(tmp_path / 'packages.csv')
    table = pa.table({name: [row[i] for row in PACKAGES] for i, name in enumerate(NAMES)})
    pq.write_table(
        table.append_column('winner', pa.array([True] * len(PACKAGES))), tmp_path / 'packages.parquet'
    )
    convert(source, tmp_path / 'a', 0.2, seed=3)
    convert(tmp_path / 'packages.parquet', tmp_path / 'b', 0.2, seed=3)
    convert(source, tmp_path / 'c', 0.2, seed=4)
    for split in ('train', 'test'):
        assert read(tmp_path / 'a', split) == read(tmp_path / 'b', split)
        assert totals(read(tmp_path / 'a', split)) != totals(read(tmp_path / 'c', split))


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'train_share': 0.0}, 'train share must be above 0'),
        ({'train_share': 0.51}, 'at most 0.5, got 0.51'),
        ({'max_weight': 0}, 'max weight must be between 1'),
        ({'max_weight': 2**24 + 1}, 'max weight must be between 1'),
        ({'train_share': 1e-9}, 'no impression of this month falls into the train split'),
    ],
)
def test_values_out_of_range_are_refused_and_leave_nothing(tmp_path, values, message):
    source = write_csv(tmp_path / 'packages.csv')
    with pytest.raises(InputError, match=message):
        convert(source, tmp_path / 'logs', **({'train_share': 0.1} | values))
    assert {path.name for path in tmp_path.iterdir()} == {'packages.csv'}


def test_the_archive_converts_to_logs_that_pass_the_check(tmp_path):
    if not ARCHIVE.exists():
        pytest.skip('the Upworthy archive is not beside the project')
    figures = convert(ARCHIVE, tmp_path / 'logs', 0.02)
    report = check_logs(tmp_path / 'logs', log_schema())
    assert report.bad_rows == 0
    assert report.rows == figures['train']['rows'] + figures['test']['rows']

    table = pq.read_table(
        ARCHIVE, columns=['clickability_test_id', 'imbalance_window', 'impressions', 'clicks']
    )
    kept = defaultdict(list)
    for test, window, impressions, clicks in zip(*(column.to_pylist() for column in table.columns)):
        if not window:
            kept[test].append((impressions, clicks))
    packages = [package for packages in kept.values() if len(packages) > 1 for package in packages]
    assert figures['packages'] == len(packages)
    assert figures['test']['impressions'] == sum(n // 2 for n, _ in packages)
    total, clicks = (sum(values) for values in zip(*packages))
    assert figures['train']['impressions'] == pytest.approx(0.02 * total, rel=0.002)
    assert figures['test']['clicks'] == pytest.approx(clicks / 2, rel=0.01)
    assert figures['train']['clicks'] == pytest.approx(clicks * 0.02, rel=0.05)


def texts_of_logs(logs: Path) -> dict[tuple[str, str], set[str]]:
    """The texts of every component and id in the logs."""
    found = defaultdict(set)
    for split in ('train', 'test'):
        for row in read(logs, split):
            for name in ('headline', 'excerpt', 'lede'):
                for element, text in zip(row[f'{name}_candidates'], row[f'{name}_text']):
                    found[name, element].add(text)
    return found


def test_the_catalogue_has_the_texts_of_the_logs_once(tmp_path):
    repeated = [('test3', *PACKAGES[0][1:]), ('test3', 201446, 'Four', 'img2', None, '<p>y</p>', 900, 9)]
    convert(write_csv(tmp_path / 'packages.csv', [*PACKAGES, *repeated]), tmp_path / 'logs', 0.5)
    rows = pq.read_table(tmp_path / 'logs' / 'catalogue.parquet').to_pylist()
    listed = {(row['component'], row['id']): row['text'] for row in rows}
    assert len(listed) == len(rows)
    assert {key: {text} for key, text in listed.items()} == texts_of_logs(tmp_path / 'logs')
    assert [row['text'] for row in rows if row['component'] == 'headline'] == [
        'One, "two"\nthree',
        'Four',
        'A',
        'B',
    ]
    assert (listed['excerpt', 'none'], listed['lede', 'none']) == ('', '')
    assert not any(row['attributes'] or row['vector'] or row['picture'] for row in rows)


def test_the_catalogue_passes_the_check(tmp_path):
    schema = log_schema()
    components = [
        Component(name=c.name, content=Content(text=True) if c.text else None) for c in schema.components
    ]
    schema = schema.model_copy(update={'components': tuple(components)})
    convert(write_csv(tmp_path / 'packages.csv'), tmp_path / 'logs', 0.5)
    checker = CatalogueChecker(schema)
    assert sum(batch.num_rows for batch in checker.good_rows(tmp_path / 'logs' / 'catalogue.parquet')) == 8
    assert (checker.report.tally.bad_rows, checker.report.unused) == (0, {})
    counts = checker.report.components
    assert {name: (c.elements, c.texts) for name, c in counts.items()} == {
        'headline': (4, 4),
        'excerpt': (2, 1),
        'lede': (2, 2),
    }
