"""The deep reranker: what it reads, how it judges and answers, and that an archive can be asked with it."""

from __future__ import annotations

import json
import math
import socket
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.search import Archive, Mode
from backissue.search.answer import Reader
from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration, LogisticModel, Reading, log_sum
from backissue.search.clock import Clock
from backissue.search.deep import (
    FOLDER,
    READ_DEEPLY,
    TEXT_TOKENS,
    DeepReader,
    DeepReranker,
    Kind,
    Weights,
    best_part,
    bundled,
    is_available,
    laid_out,
    read_weights,
)
from backissue.search.embedding import StaticEmbedder
from backissue.search.errors import InvalidArgumentError, MissingExtraError, SearchCancelledError
from backissue.search.query import parse
from backissue.search.question import understand
from backissue.search.rerank import READ_AT_ONCE, Evidence, FastReranker
from backissue.search.sentences import split_sentences

RECORD = {
    "passage": {"bias": -0.5, "weights": {"fast": 0.5, "read": 2.0}, "no_answer_below": 0.1},
    "answer": {"bias": 0.0, "weights": {"meaning": 1.0, "read": 0.7}},
}
BY_READING = LogisticModel(0.0, {"meaning": 1.0, "read": 0.7})
WEIGHTS = Weights(LogisticModel(-0.5, {"fast": 0.5, "read": 2.0}, 0.1), BY_READING)


@pytest.fixture
def reader() -> DeepReader:
    """The one of the package."""
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    return bundled()[0]


@pytest.fixture
def reranker(reader: DeepReader, embedder: StaticEmbedder) -> DeepReranker:
    return DeepReranker(FastReranker(embedder, Calibration.bundled().reranker[Mode.HYBRID]), reader, WEIGHTS)


def evidence(n: int, question: str = "what froze in winter") -> Evidence:
    words = ["harbour", "froze", "winter", "train", "border", "shells", "food"]
    texts = [(words[i % 7], f"{words[i % 5]} {words[i % 3]} {i}.") for i in range(n)]
    tokens = [StaticEmbedder.bundled().token_ids(f"{title}\n{text}") for title, text in texts]
    return Evidence(
        words=np.arange(n) / max(n, 1),
        covered=np.full(n, 0.2),
        together=np.full(n, 0.1),
        cosine=np.full(n, 0.5),
        readable=np.ones(n, dtype=np.bool_),
        tokens=np.concatenate([*tokens, np.zeros(0, np.int32)]),
        token_starts=np.cumsum([0, *map(len, tokens)]),
        asked=AskedTokens(question, StaticEmbedder.bundled()),
        texts=lambda: texts,
    )


def test_a_question_and_a_passage_are_laid_out_with_marks_around_them() -> None:
    kinds, places = laid_out(2, 1, 3)
    q, t, x = Kind.QUESTION, Kind.TITLE, Kind.TEXT
    assert kinds.tolist() == [Kind.OPENING, q, q, Kind.SEPARATOR, t, x, x, x, Kind.SEPARATOR]
    assert places.tolist() == [1, 2, 4, 5, 6, 7]


def test_log_sums_are_those_of_the_definition() -> None:
    assert log_sum(np.log([1.0, 2.0, 5.0])) == pytest.approx(math.log(8.0))
    assert log_sum(np.array([1000.0, 1000.0])) == pytest.approx(1000.0 + math.log(2.0))
    assert log_sum(np.zeros(0)) == -math.inf


def test_a_sentence_is_worth_what_its_tokens_sum_up_to() -> None:
    reading = Reading(np.array([0, 4, 10, 14], np.int32), np.log([1.0, 2.0, 4.0, 4.0]), BY_READING)
    np.testing.assert_allclose(reading.of([(0, 9), (10, 20)]), [math.log(3.0), math.log(8.0)])


def test_a_sentence_that_was_not_read_is_worth_no_more_than_the_least_token() -> None:
    reading = Reading(np.array([5, 9], np.int32), np.array([-4.0, 2.0]), BY_READING)
    assert reading.of([(0, 5), (5, 12), (12, 20)])[[0, 2]].tolist() == [-4.0, -4.0]
    nothing = Reading(np.zeros(0, np.int32), np.zeros(0), BY_READING)
    assert np.isfinite(nothing.of([(0, 5), (6, 9)])).all()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=40))
def test_any_text_is_read(text: str, question: str, title: str) -> None:
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    ((starts, scores),) = bundled()[0].read(question, [(title, text)])
    assert len(starts) == len(scores) <= TEXT_TOKENS
    assert np.isfinite(scores).all()
    assert (np.diff(starts) >= 0).all()


def test_a_passage_is_read_the_same_whatever_stands_beside_it(reader: DeepReader) -> None:
    passages = [("Dam", "The dam broke."), ("", "A much longer passage. " * 9), ("Tram", "")]
    together = reader.read("what broke", passages)
    for passage, (starts, scores) in zip(passages, together, strict=True):
        ((alone_starts, alone),) = reader.read("what broke", [passage])
        np.testing.assert_array_equal(starts, alone_starts)
        np.testing.assert_allclose(scores, alone, atol=1e-5)


def test_of_a_long_passage_the_part_that_covers_the_question_is_read(reader: DeepReader) -> None:
    around = "Nothing of this has to do with it, and it goes on. " * 40
    text = f"{around}The ferry to Gdynia sank off Bornholm in a storm. {around}"
    ((starts, _),) = reader.read("where did the ferry to Gdynia sink", [("", text)])
    assert len(starts) == TEXT_TOKENS
    assert starts[0] <= len(around) < len(around) + 40 <= starts[-1]


def test_the_part_that_covers_the_question_is_found() -> None:
    east, north, nowhere = [1.0, 0.0], [0.0, 1.0], [-0.7, -0.7]
    passage = np.array([*[nowhere] * 100, east, north, *[nowhere] * 100], np.float32)
    start = best_part(np.array([east, north], np.float32), passage, size=16)
    assert 102 - 16 <= start <= 100
    assert best_part(np.array([east], np.float32), passage[:16], size=16) == 0
    assert best_part(np.zeros((0, 2), np.float32), passage, size=16) == 0
    assert best_part(np.array([east], np.float32), passage[:101], size=16) == 101 - 16


def test_log_odds_are_the_weighted_sum_of_what_is_shown(reranker: DeepReranker) -> None:
    for judgement in reranker.judge("what froze in winter", evidence(5)):
        shown, reading = judgement.features, judgement.reading
        assert judgement.log_odds == pytest.approx(-0.5 + 0.5 * shown["fast"] + 2.0 * shown["read"])
        assert reading is not None
        assert shown["read"] == pytest.approx(np.logaddexp.reduce(reading.scores))


def test_what_the_fast_reranker_puts_first_is_read_and_stays_before_the_rest(reranker: DeepReranker) -> None:
    candidates = evidence(2 * READ_DEEPLY)
    judgements = reranker.judge("what froze in winter", candidates)
    fast = [one.log_odds for one in reranker.fast.judge("what froze in winter", candidates)]
    read = [i for i, one in enumerate(judgements) if one.reading is not None]
    assert set(read) == set(sorted(range(len(fast)), key=lambda i: -fast[i])[:READ_DEEPLY])
    unread = [one.log_odds for i, one in enumerate(judgements) if i not in read]
    assert max(unread) <= min(judgements[i].log_odds for i in read)


def test_who_has_no_time_for_all_gets_the_likeliest_read(reranker: DeepReranker) -> None:
    candidates = evidence(2 * READ_DEEPLY)
    clock = Clock(budget_ms=1e-6)
    judgements = reranker.judge("what froze in winter", candidates, clock)
    fast = [one.log_odds for one in reranker.fast.judge("what froze in winter", candidates)]
    read = [i for i, one in enumerate(judgements) if one.reading is not None]
    assert set(read) == set(sorted(range(len(fast)), key=lambda i: -fast[i])[:READ_AT_ONCE])
    assert clock.left_out == ["rerank"]
    unread = [one.log_odds for i, one in enumerate(judgements) if i not in read]
    assert max(unread) <= min(judgements[i].log_odds for i in read)


def test_it_reads_no_further_when_nobody_waits(reranker: DeepReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled, read = Event(), []
    whole = DeepReader.read

    def read_and_cancel(reader: DeepReader, question: str, passages: list[tuple[str, str]]) -> object:
        read.extend(passages)
        cancelled.set()
        return whole(reader, question, passages)

    monkeypatch.setattr(DeepReader, "read", read_and_cancel)
    with pytest.raises(SearchCancelledError):
        reranker.judge("what froze in winter", evidence(READ_DEEPLY), Clock(cancelled=cancelled))
    assert len(read) == READ_AT_ONCE < READ_DEEPLY


def test_a_passage_that_is_gone_is_judged_like_the_others(reranker: DeepReranker) -> None:
    whole = evidence(READ_DEEPLY + 5)
    texts = [*whole.texts()[:-1], ("", "")]
    log_odds = [one.log_odds for one in reranker.judge("what froze", replace(whole, texts=lambda: texts))]
    assert np.isfinite(log_odds).all()


def test_no_candidates_give_no_judgements(reranker: DeepReranker) -> None:
    assert reranker.judge("what froze", evidence(0)) == []


def test_a_question_without_a_known_word_is_judged(reranker: DeepReranker) -> None:
    assert np.isfinite([one.log_odds for one in reranker.judge("ვინ?", evidence(3, "ვინ?"))]).all()


def test_the_sentence_that_was_read_as_the_answer_is_marked(embedder: StaticEmbedder) -> None:
    text = "The dam broke on Monday. The mayor was away. Ships wait."
    question = understand(parse("when did the dam break"), ["en"], embedder, None)
    reader = Reader(question, AskedTokens(question.text, embedder))
    sentences = split_sentences(text, "en")
    starts = embedder.token_spans(text)[1][:, 0]
    assert reader.answer(text, "en") == sentences[0]
    for start, end in sentences:
        scores = np.where((starts >= start) & (starts < end), 50.0, -50.0)
        assert reader.answer(text, "en", Reading(starts, scores, BY_READING)) == (start, end)


def test_an_archive_is_asked_with_it(archive: Archive, reader: DeepReader) -> None:
    for mode in Mode:
        results = archive.search("the dam and the reservoir", rerank="deep", mode=mode)
        explained = [hit.explain["rerank"] for hit in results.hits]
        assert all(one["by"] == "deep" and "read" in one for one in explained)
        assert [one["log_odds"] for one in explained] == sorted((one["log_odds"] for one in explained), reverse=True)
        assert all(hit.answer is not None for hit in results.hits)


def test_no_socket_is_opened(archive: Archive, reader: DeepReader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert DeepReader.from_folder(FOLDER, StaticEmbedder.bundled()).read("what", [("", "That.")])
    assert archive.search("the dam", rerank="deep").hits


@pytest.mark.usefixtures("no_onnxruntime")
def test_without_onnxruntime_the_message_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'backissue\[deep\]'"):
        DeepReader.from_folder(FOLDER, StaticEmbedder.bundled())


def test_it_is_not_offered_where_it_cannot_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    assert is_available()
    monkeypatch.setattr("backissue.search.deep.find_spec", lambda name: None)
    assert not is_available()


def test_a_model_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(InvalidArgumentError, match="cannot be read as an ONNX model"):
        DeepReader.from_folder(tmp_path, StaticEmbedder.bundled())


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"passage": {}}', '{"passage": {"bias": 0, "weights": {"a": "b"}}, "answer": {}}', '{"passage": 1}'],
)
def test_weights_that_cannot_be_read_name_their_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "reranker.json").write_text(content)
    with pytest.raises(InvalidArgumentError, match=r"holds no weights of a reranker") as caught:
        read_weights(tmp_path / "reranker.json")
    assert str(tmp_path / "reranker.json") in str(caught.value)


def test_weights_are_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "reranker.json").write_text(json.dumps(RECORD))
    assert read_weights(tmp_path / "reranker.json") == WEIGHTS
