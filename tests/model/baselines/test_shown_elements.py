"""Counts of what was shown, against counting row by row."""

from collections import Counter

import numpy as np

from model.baselines.shown_elements import Shown, Tally, ad_rows, combination_keys, element_rows
from model.features import packed_batch as keys
from tests.model.random_batches import TABLES, random_batch


def _by_hand(batches):
    """(ad, elements) -> clicks, impressions."""
    clicks, impressions = Counter(), Counter()
    for batch in batches:
        elements, place = batch[keys.ELEMENTS].numpy(), 0
        for i, counts in enumerate(batch[keys.COUNTS].numpy()):
            rows = []
            for n, shown in zip(counts, batch[keys.SHOWN].numpy()[i]):
                rows.append(int(elements[place + shown]) if n else -1)
                place += n
            key = int(batch[keys.CONTEXT_IDS][i, 1]), tuple(rows)
            impressions[key] += float(batch['weight'][i])
            clicks[key] += float(batch['click'][i] * batch['weight'][i])
    return clicks, impressions


def test_combinations_are_counted_by_ad_and_elements():
    rng = np.random.default_rng(0)
    batches = [random_batch(rng, 60) for _ in range(4)]
    batches += batches[:2]
    shown = Shown.combinations(batches, TABLES)
    clicks, impressions = _by_hand(batches)
    found = list(zip(shown.ad.tolist(), map(tuple, shown.elements.tolist()), strict=True))
    assert len(set(found)) == len(found) == len(impressions)
    np.testing.assert_allclose(shown.impressions, [impressions[key] for key in found])
    np.testing.assert_allclose(shown.clicks, [clicks[key] for key in found])


def test_rows_keep_their_order():
    rng = np.random.default_rng(1)
    batches = [random_batch(rng, 8), random_batch(rng, 5)]
    shown = Shown.rows(batches, TABLES)
    np.testing.assert_array_equal(shown.ad, np.concatenate([ad_rows(batch, TABLES) for batch in batches]))
    rows = element_rows(batches[1], batches[1][keys.SHOWN].numpy()[:, None])[:, 0]
    np.testing.assert_array_equal(shown.elements[8:], rows)


def test_keys_differ_between_ads_and_between_orders():
    ad, elements = np.array([1, 2, 1]), np.array([[3, 4], [3, 4], [4, 3]])
    assert len(set(combination_keys(ad, elements).tolist())) == 3
    assert combination_keys(ad[:1], elements[:1]) == combination_keys(np.array([1]), np.array([[3, 4]]))


def test_tally_sums_by_key_and_knows_nothing_of_others():
    tally = Tally(np.array([5, 2, 5]), np.array([1.0, 0.0, 2.0]), np.array([10.0, 20.0, 30.0]))
    clicks, exposure = tally.get(np.array([[2, 5], [1, 9]]))
    np.testing.assert_array_equal(clicks, [[0, 3], [0, 0]])
    np.testing.assert_array_equal(exposure, [[20, 40], [0, 0]])
