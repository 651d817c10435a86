"""Packages in the format of the Upworthy Research Archive, for tests."""

import csv
from pathlib import Path

ARCHIVE = Path(__file__).parents[3] / '..' / 'shared' / 'data' / 'upworthy' / 'packages.parquet'
NAMES = (
    'clickability_test_id',
    'test_week',
    'headline',
    'eyecatcher_id',
    'excerpt',
    'lede',
    'impressions',
    'clicks',
)
PACKAGES = [
    ('test1', 201446, 'One, "two"\nthree', 'img1', 'ex', None, 3001, 60),
    ('test1', 201446, 'Four', 'img2', 'ex', None, 3000, 31),
    ('test1', 201446, 'Four', 'img1', None, None, 2500, 20),
    ('test1', 201446, 'Four', 'img1', None, None, 101, 0),
    ('test2', 201301, 'A', None, None, '<p>x</p>', 1000, 10),
    ('alone', 201446, 'Z', 'img9', 'ex', None, 1000, 10),
    ('test2', 201301, 'B', None, None, '<p>y</p>', 1000, 1000),
    ('biased', 201330, 'P', 'img3', 'ex', None, 1000, 10),
    ('biased', 201330, 'Q', 'img3', 'ex', None, 1000, 10),
]


def write_csv(path: Path, packages=PACKAGES, names=NAMES) -> Path:
    """Writes packages as the archive's CSV file does, with an index column."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['', *names])
        writer.writerows([i, *row] for i, row in enumerate(packages))
    return path
