import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.indexer.chunk import chunk, length
from backissue.search.errors import InvalidArgumentError
from backissue.search.sentences import split_sentences

ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEWS = st.lists(
    st.sampled_from(
        [
            "Kim came by train. ",
            "He met Putin, who waited!\n\n",
            "Ammunition, grain and oil.\n",
            "普京访问平壤。",
            "ok ",
        ]
    ),
    max_size=60,
).map("".join)


def sentence(number, words):
    return f"Sentence {number} " + "word " * (words - 3) + "ends."


def text_of(*paragraphs):
    """Paragraphs given as the lengths of their sentences in words."""
    return "\n\n".join(" ".join(sentence(i, words) for i, words in enumerate(paragraph)) for paragraph in paragraphs)


def words_of_passages(text, **options):
    return [len(text[start:end].split()) for start, end in chunk(text, "en", **options)]


def test_a_short_text_is_one_passage():
    assert chunk("  Kim came. Putin waited.\n", "en") == [(2, 25)]


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_no_text_no_passage(text):
    assert chunk(text, "en") == []


def test_passages_have_about_the_target_and_repeat_one_sentence():
    text = text_of([20] * 30)
    assert words_of_passages(text, target_words=100) == [100] * 6 + [120]
    spans = chunk(text, "en", target_words=100)
    overlaps = [text[spans[i + 1][0] : spans[i][1]] for i in range(len(spans) - 1)]
    assert all(len(split_sentences(overlap, "en")) == 1 for overlap in overlaps)


def test_no_overlap_when_asked():
    assert words_of_passages(text_of([20] * 15), target_words=100, overlap_sentences=0) == [100, 100, 100]


def test_a_paragraph_that_ends_nearby_is_the_cut():
    text = text_of([20, 20, 20, 20], [20] * 10)
    assert words_of_passages(text, target_words=100, overlap_sentences=0)[0] == 80


def test_a_paragraph_that_ends_far_away_is_not():
    text = text_of([20], [20] * 13)
    assert words_of_passages(text, target_words=100, overlap_sentences=0)[0] == 100


def test_the_last_passage_is_not_tiny():
    assert words_of_passages(text_of([20] * 6), target_words=100) == [120]
    assert min(words_of_passages(text_of([20] * 11), target_words=100, overlap_sentences=0)) >= 50


def test_a_sentence_of_twice_the_target_is_cut_at_a_clause():
    text = "One clause of some words, " * 20 + "and an end."
    spans = chunk(text, "en", target_words=20, overlap_sentences=0)
    assert all(length(text[start:end]) <= 40 for start, end in spans)
    assert all(text[end - 1] in ",." for _, end in spans)


def test_a_long_sentence_is_not_repeated():
    text = " ".join(sentence(i, 70) for i in range(6))
    assert words_of_passages(text, target_words=100) == [70, 70, 70, 70, 140]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kim met Putin", 3),
        ("普京访问平壤的路上走了好远也", 14 / 1.7),
        ("Kim 普京访问平壤的路上走了好远也 ok", 2 + 14 / 1.7),
        ("김정은 위원장", 2),
        ("", 0),
    ],
)
def test_length_in_words(text, words):
    assert length(text) == pytest.approx(words)


def test_chinese_passages_have_the_same_reading_length():
    text = "普京昨天访问了平壤并签署了条约。" * 100  # 16 characters, 15 of them Han: 8.8 words
    spans = chunk(text, "zh", target_words=100, overlap_sentences=0)
    assert all(75 <= length(text[start:end]) <= 150 for start, end in spans)


@pytest.mark.parametrize("options", [{"target_words": 0}, {"target_words": -1}, {"overlap_sentences": -1}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(InvalidArgumentError, match=str(next(iter(options.values())))):
        chunk("Kim came.", "en", **options)


@given(ANY_TEXT | NEWS, st.sampled_from(["en", "zh", "und"]), st.integers(1, 30), st.integers(0, 3))
def test_passages_are_in_order_and_cover_the_text(text, lang, target_words, overlap_sentences):
    spans = chunk(text, lang, target_words, overlap_sentences)
    covered_to = 0
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert end > covered_to
        assert text[start:end] == text[start:end].strip()
        assert text[covered_to:start].strip() == ""
        covered_to = end
    assert text[covered_to:].strip() == ""
    assert [start for start, _ in spans] == sorted({start for start, _ in spans})


@given(NEWS, st.integers(4, 30))
def test_no_passage_is_much_longer_than_the_target(text, target_words):
    longest_sentence = 2 * target_words
    for start, end in chunk(text, "en", target_words):
        assert length(text[start:end]) <= 1.5 * target_words + longest_sentence


def test_a_gigantic_text():
    text = text_of(*[[15] * 20] * 400)
    spans = chunk(text, "en")
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert 120_000 / 120 <= len(spans) <= 120_000 / 90
