import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.indexer import analysed
from backissue.indexer import forward as writing
from backissue.indexer.analysed import analyse_passages
from backissue.indexer.forward import ForwardWriter
from backissue.search.analysis import forms
from backissue.search.embedding import StaticEmbedder
from backissue.search.errors import IndexCorruptError
from backissue.search.forward import Forward, decoded, document, encoded, tokens_of_document

PASSAGES = [
    ("Most", "Most na Odrze, most! Z Radżinu: F-16.", "pl"),
    ("", "", "en"),
    ("Bridges", "The bridges, the bridge; 1,200 words and the words' ends.", "en"),
    ("", "新しい橋が開通した。" * 60, "ja"),
    ("Most", "Most na Odrze, most!", "pl"),
]


def write(folder, passages, at_once=2):
    records = [(n, title, text, lang, 1, 0, 0, 0, 0) for n, (title, text, lang) in enumerate(passages)]
    with ForwardWriter(folder, StaticEmbedder.bundled().vocabulary) as forward:
        for first in range(0, len(records), at_once):
            some = analyse_passages(records[first : first + at_once])
            forward.append(some.vocabulary, some.words, some.counts)
    return Forward.open(folder, len(passages))


def assert_same(forward, passages):
    wanted = [document(*passage) for passage in passages]
    positions = np.array([4, 1, 0, 4, *range(len(wanted))])
    documents, (tokens, starts) = forward.documents(positions), forward.tokens_at(positions)
    for place, position in enumerate(positions.tolist()):
        terms = documents.terms[documents.term_starts[place] : documents.term_starts[place + 1]]
        assert terms.tolist() == wanted[position].terms.tolist()
        assert documents.title_terms[place] == wanted[position].title_terms
        assert tokens[starts[place] : starts[place + 1]].tolist() == tokens_of_document(*passages[position]).tolist()
    bodies = sum(len(one.terms) - one.title_terms for one in wanted)
    assert forward.mean_lengths == (bodies / len(wanted), sum(one.title_terms for one in wanted) / len(wanted))


def test_passages_read_back_as_they_were_written(tmp_path):
    forward = write(tmp_path / "forward", PASSAGES)
    assert_same(forward, PASSAGES)
    assert sorted(path.suffix for path in (tmp_path / "forward").iterdir()) == [".npy"] * 8


def test_words_that_are_forgotten_are_kept_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "WORDS_REMEMBERED", 4)
    assert_same(write(tmp_path / "forward", PASSAGES, at_once=1), PASSAGES)


def test_no_more_words_than_wanted_are_remembered_and_none_that_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(analysed, "_MOST_REMEMBERED", 4)
    monkeypatch.setattr(analysed, "_known", analysed._Known())
    assert_same(write(tmp_path / "forward", PASSAGES, at_once=1), PASSAGES)
    at_most = 4 + max(len({*f"{title} {text}".split()}) for title, text, _ in PASSAGES)
    assert sum(map(len, analysed._known.values())) <= at_most
    words = analysed._known["ja"]
    assert not words  # A passage in Japanese is one word, which comes again in no other.
    assert [word.keys for word in words.of(["Oder", "NATO"])] == [" ja:oder", " ja:nato"]
    assert list(words) == ["Oder", "NATO"]


def test_writers_of_two_indexes_do_not_forget_each_others_words(tmp_path):
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            forwards = [*pool.map(lambda n: write(tmp_path / str(n), PASSAGES * 20, at_once=3), range(4))]
    finally:
        sys.setswitchinterval(usual)
    for forward in forwards:
        assert_same(forward, PASSAGES * 20)


def test_the_words_of_a_text_give_what_the_text_gives():
    embedder = StaticEmbedder.bundled()
    for title, text, lang in PASSAGES:
        parts = [forms(word, lang) for word in embedder.words(f"{title}\n{text}")]
        assert b"".join(part.hashes for part in parts) == forms(f"{title}\n{text}", lang).hashes


@settings(deadline=None)
@given(st.text(), st.sampled_from(["en", "pl", "tr", "ja", "ko", "ar", "und"]))
def test_the_words_of_any_text_give_what_the_text_gives(text, lang):
    embedder = StaticEmbedder.bundled()
    words, whole = embedder.words(text), forms(text, lang)
    parts = [forms(word, lang) for word in words]
    assert b"".join(part.hashes for part in parts) == whole.hashes
    assert " ".join(part.keys for part in parts if part.keys) == whole.keys
    assert " ".join(part.surface for part in parts if part.surface) == whole.surface
    tokens = [token for word in words for token in embedder.token_ids(word).tolist()]
    assert tokens == embedder.token_ids(text).tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, (1 << 30) - 1) | st.integers(0, 1 << 16)))
def test_numbers_are_read_back(numbers):
    codes, starts = encoded(np.array(numbers, dtype=np.uint32))
    found, last = decoded(codes)
    assert found.tolist() == numbers
    assert (last + 1).tolist() == starts[1:].tolist()


def test_small_numbers_take_two_bytes():
    codes, starts = encoded(np.array([0, 32_767, 32_768, 98_305], dtype=np.uint32))
    assert codes.tolist() == [0, 32_767, 32_769, 0, 32_771, 1]
    assert starts.tolist() == [0, 1, 2, 4, 6]


def test_the_most_frequent_words_have_the_lowest_numbers(tmp_path):
    forward = write(tmp_path / "forward", [("", "one two two three three three", "en")] * 3)
    assert forward.words.tolist() == 3 * [2, 1, 1, 0, 0, 0]


def test_an_empty_index_and_damaged_ones(tmp_path):
    assert len(write(tmp_path / "empty", [])) == 0
    folder = tmp_path / "forward"
    write(folder, PASSAGES)
    words, starts = np.load(folder / "words.npy"), np.load(folder / "word_starts.npy")
    for name, damaged in (("words", np.full_like(words, 32_000)), ("word_starts", starts[::-1].copy())):
        kept = (folder / f"{name}.npy").read_bytes()
        damaged[-1] = np.load(folder / f"{name}.npy")[-1]
        np.save(folder / f"{name}.npy", damaged)
        with pytest.raises(IndexCorruptError, match=rf"{name}\.npy is damaged"):
            Forward.open(folder, len(PASSAGES)).documents(np.arange(len(PASSAGES)))
        (folder / f"{name}.npy").write_bytes(kept)
    tokens = np.load(folder / "tokens.npy")
    for wrong in (StaticEmbedder.bundled().vocabulary, -1):
        np.save(folder / "tokens.npy", np.full_like(tokens, wrong))
        with pytest.raises(IndexCorruptError, match=r"tokens\.npy is damaged"):
            Forward.open(folder, len(PASSAGES)).tokens_at(np.arange(len(PASSAGES)))
    np.save(folder / "tokens.npy", tokens)
    np.save(folder / "terms.npy", np.zeros(4, dtype=np.uint8))
    with pytest.raises(IndexCorruptError, match="not of 5 passages"):
        Forward.open(folder, len(PASSAGES))
