"""Splits texts into subwords, whose effects are learned so that something is known of a new text."""

import tensorflow as tf

_LONGEST_TEXT = 160  # characters; the rest of a longer text is ignored
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
    """Returns the subwords of each text, ragged string [T, any].

    They are the character 4-grams of the lower-case words, with a space around each word, as in fastText
    (Bojanowski et al. 2017). This needs no word list of any language, and the inflected forms of a word share
    most of their 4-grams. Further terms describe the style of the text: one for each kind of mark in it
    (`mark<TAB>question`) and one for each number of words that it exceeds (`words<TAB>3`). Each style term
    occurs twice because it would otherwise carry little weight among the many 4-grams.

    Args:
        texts: The texts in UTF-8, string [T]; bytes that are not valid UTF-8 are read as U+FFFD.
    """
    texts = tf.strings.unicode_transcode(texts, 'UTF-8', 'UTF-8')
    texts = tf.strings.substr(texts, 0, _LONGEST_TEXT, unit='UTF8_CHAR')
    lower = tf.strings.lower(texts, encoding='utf-8')
    words = tf.strings.split(tf.strings.regex_replace(lower, _SEPARATORS, ' '))
    style = _style(texts, words.row_lengths())
    return tf.concat([_grams(words), style, style], 1)


def _grams(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Returns the 4-grams of each text: a shorter text is its only 4-gram, and an empty text has none."""
    spaced = tf.strings.join([' ', tf.strings.reduce_join(words, 1, separator=' '), ' '])
    characters = tf.strings.unicode_split(spaced, 'UTF-8')
    grams = tf.strings.ngrams(characters, _WIDTH, separator='', preserve_short_sequences=True)
    return tf.ragged.boolean_mask(grams, grams.with_values(grams.values != '  '))


def _style(texts: tf.Tensor, words: tf.Tensor) -> tf.RaggedTensor:
    marks = [tf.strings.regex_full_match(texts, f'(?s).*{mark}.*') for mark in _MARKS.values()]
    holds = tf.stack(marks + [words > length for length in _LENGTHS], 1)
    names = [f'mark\t{mark}' for mark in _MARKS] + [f'words\t{length}' for length in _LENGTHS]
    return tf.ragged.boolean_mask(tf.broadcast_to(tf.constant(names), tf.shape(holds)), holds)
