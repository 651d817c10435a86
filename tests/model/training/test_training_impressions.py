import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.model.training.helpers import ELEMENTS, SUBWORDS, batch, collected


@given(st.integers(0, 1000), st.integers(1, 20))
def test_shown_elements_are_looked_up_in_the_packed_order(seed, ads):
    each = batch(np.random.default_rng(seed), ads)
    data = collected([each]).impressions()
    place = 0
    for row, counts in enumerate(each['counts']):
        for j, n in enumerate(counts):
            expected = each['elements'][place + each['shown'][row, j]] if n else -1
            assert data.shown[row, j] == expected
            place += n
    np.testing.assert_array_equal(data.ad, each['ad'])
    np.testing.assert_array_equal(data.click, each['click'])


@given(st.integers(0, 1000))
def test_subwords_of_shown_elements_are_kept_once_with_unit_length(seed):
    rng = np.random.default_rng(seed)
    first, second = batch(rng, 6), batch(rng, 6)
    found = collected([first, second]).subwords().toarray()
    assert found.shape == (ELEMENTS, SUBWORDS)
    expected = {}
    for each in (first, second):
        place, subword = 0, 0
        for row, counts in enumerate(each['counts']):
            for j, n in enumerate(counts):
                for position in range(n):
                    length = each['subwords_per_element'][place]
                    subwords = each['subwords'][subword : subword + length]
                    if each['shown'][row, j] == position and length:
                        expected.setdefault(each['elements'][place], []).append(subwords)
                    place, subword = place + 1, subword + length
    for element in range(ELEMENTS):
        texts = [
            np.bincount(subwords, minlength=SUBWORDS) / np.sqrt(len(subwords))
            for subwords in expected.get(element, [])
        ]
        matches = [np.allclose(found[element], text) for text in texts]
        assert any(matches) if texts else not found[element].any()


def test_the_oldest_impressions_are_dropped_beyond_the_limit():
    rng = np.random.default_rng(1)
    batches = [batch(rng, 10) for _ in range(5)]
    data = collected(batches, limit=25).impressions()
    np.testing.assert_array_equal(data.ad, np.concatenate([each['ad'] for each in batches[2:]]))


def test_nothing_is_left_after_clearing():
    evidence = collected([batch(np.random.default_rng(1), 10)])
    evidence.clear()
    evidence.add(**(later := batch(np.random.default_rng(2), 4)))
    assert len(evidence.impressions().ad) == 4
    assert (
        evidence.exposure.sum()
        == ((later['weight'] * (1 - later['chosen_by_genco']))[:, None] * (later['shown'] >= 0)).sum()
    )
