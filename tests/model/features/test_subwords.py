import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from model.features.subwords import subwords


def found(*texts: str | bytes) -> list[list[str]]:
    return [[term.decode() for term in row] for row in subwords(tf.constant(texts)).to_list()]


def grams(text: str) -> list[str]:
    return [term for term in found(text)[0] if '\t' not in term]


def test_grams_run_over_lower_case_words_with_a_space_around_each():
    assert grams("Don't Go!") == [' don', 'don ', 'on t', 'n t ', ' t g', 't go', ' go ']


def test_a_text_shorter_than_a_gram_is_its_only_one():
    assert grams('A') == [' a ']


def test_an_empty_text_and_one_without_letters_have_no_grams():
    assert found('') == [[]]
    assert grams('?!') == []


def test_characters_of_any_script_count_as_one():
    assert grams('Größe') == [' grö', 'größ', 'röße', 'öße ']
    assert grams('点击这里吗') == [' 点击这', '点击这里', '击这里吗', '这里吗 ']


def test_marks_and_length_are_terms_that_come_twice():
    terms = found('Is it 9? "Yes", he said: It is. Look!')[0]
    style = [term for term in terms if '\t' in term]
    marks = ['question', 'exclamation', 'quotation', 'colon', 'number', 'sentences']
    assert style == ([f'mark\t{mark}' for mark in marks] + ['words\t3', 'words\t6']) * 2


def test_one_sentence_with_its_full_stop_is_no_mark():
    assert not any(term.startswith('mark') for term in found('One sentence.')[0])


def test_bytes_that_are_not_utf8_do_no_harm():
    assert grams(b'ab\xffcd') == [' ab ', 'ab c', 'b cd', ' cd ']


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_texts_do_not_depend_on_each_other(texts):
    assert found(*texts) == [found(text)[0] for text in texts]


def test_of_a_long_text_only_the_beginning_is_read():
    long = 'word ' * 100
    assert found(long) == found(long[:160])
