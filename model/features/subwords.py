"""Subwords of a text: what its effects are learned from, so that a new text is not unknown."""

import tensorflow as tf

_LONGEST_TEXT = 160  # characters; what comes after them is not read
_SEPARATORS = r'[^\pL\pN]+'
_WIDTH = 4
_MARKS = {
    'question': r'\?',
    'exclamation': '!',
    'quotation': '["“”«»]',
    'colon': ':',
    'number': r'\pN',
    'sentences': r'[.…].*\pL',
}
_LENGTHS = range(3, 31, 3)  # words


def subwords(texts: tf.Tensor) -> tf.RaggedTensor:
    """Subwords of each text, ragged string [T, any].

    They are the 4-grams of characters of its lower-case words with a space around each, as in fastText
    (Bojanowski et al. 2017): no language's words need be known, and inflected forms share most of them.
    Beside them stands how it is written: a term for each kind of mark in it (`mark<TAB>question`), and one
    for each number of words that it exceeds (`words<TAB>3`). These terms come twice: few beside many, they
    would hardly count otherwise.

    Args:
        texts: string [T], UTF-8; bytes that are not count as U+FFFD.
    """
    texts = tf.strings.unicode_transcode(texts, 'UTF-8', 'UTF-8')
    texts = tf.strings.substr(texts, 0, _LONGEST_TEXT, unit='UTF8_CHAR')
    lower = tf.strings.lower(texts, encoding='utf-8')
    words = tf.strings.split(tf.strings.regex_replace(lower, _SEPARATORS, ' '))
    style = _style(texts, words.row_lengths())
    return tf.concat([_grams(words), style, style], 1)


def _grams(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """4-grams across the words of each text; a shorter text is its only one. None of an empty text."""
    spaced = tf.strings.join([' ', tf.strings.reduce_join(words, 1, separator=' '), ' '])
    characters = tf.strings.unicode_split(spaced, 'UTF-8')
    grams = tf.strings.ngrams(characters, _WIDTH, separator='', preserve_short_sequences=True)
    return tf.ragged.boolean_mask(grams, grams.with_values(grams.values != '  '))


def _style(texts: tf.Tensor, words: tf.Tensor) -> tf.RaggedTensor:
    marks = [tf.strings.regex_full_match(texts, f'(?s).*{mark}.*') for mark in _MARKS.values()]
    holds = tf.stack(marks + [words > length for length in _LENGTHS], 1)
    names = [f'mark\t{mark}' for mark in _MARKS] + [f'words\t{length}' for length in _LENGTHS]
    return tf.ragged.boolean_mask(tf.broadcast_to(tf.constant(names), tf.shape(holds)), holds)
