"""The deeper reranker: what it reads, how it judges, and that an archive can be asked with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from conftest import ARTICLES

from backissue.indexer import Indexer
from backissue.search import Archive, Mode
from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration, LogisticModel
from backissue.search.clock import Clock
from backissue.search.deep import PART_TOKENS, READ_DEEPLY, DeepReranker, best_part, is_deep_model, read_weights
from backissue.search.embedding import StaticEmbedder, TokenVectors
from backissue.search.errors import InvalidArgumentError, SearchCancelledError
from backissue.search.onnx_embedder import OnnxEmbedder, Reading
from backissue.search.rerank import READ_AT_ONCE, Evidence, FastReranker

WEIGHTS = {"bias": -0.5, "weights": {"fast": 0.5, "deep_cosine": 2.0, "deep_tokens": 1.0}, "no_answer_below": 0.1}
EAST, NORTH, NOWHERE = (1.0, 0.0), (0.0, 1.0), (-1.0, -1.0)


@pytest.fixture
def folder(tiny_onnx: Path, tmp_path: Path) -> Path:
    """A transformer with weights for reranking."""
    copy = Path(shutil.copytree(tiny_onnx, tmp_path / "deep"))
    (copy / "reranker.json").write_text(json.dumps(WEIGHTS))
    return copy


@pytest.fixture
def reranker(folder: Path, embedder: StaticEmbedder) -> DeepReranker:
    fast = FastReranker(embedder, Calibration.bundled().reranker[Mode.HYBRID])
    return DeepReranker.from_folder(folder, fast, OnnxEmbedder.from_folder(folder), "deep")


def tokens(*vectors: tuple[float, float]) -> TokenVectors:
    """Tokens of one character with a space between."""
    starts = 2 * np.arange(len(vectors), dtype=np.int32)
    array = np.array(vectors, np.float32).reshape(len(vectors), 2)
    return TokenVectors(starts, np.stack([starts, starts + 1], axis=1), array)


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


def test_the_part_that_covers_the_question_is_found() -> None:
    passage = tokens(*[NOWHERE] * 100, EAST, NORTH, *[NOWHERE] * 100)
    start, end = best_part(tokens(EAST, NORTH), passage, size=16)
    assert start <= 2 * 100
    assert end >= 2 * 101 + 1
    assert end - start == 2 * 16 - 1


@pytest.mark.parametrize("count", [1, PART_TOKENS - 1, PART_TOKENS])
def test_a_passage_that_is_not_too_long_is_read_whole(count: int) -> None:
    assert best_part(tokens(EAST), tokens(*[NORTH] * count)) == (0, 2 * count - 1)


def test_the_end_of_a_passage_is_read_where_the_answer_is_there() -> None:
    passage = tokens(*[NOWHERE] * 70, EAST)
    start, end = best_part(tokens(EAST), passage, size=16)
    assert (start, end) == (2 * (71 - 16), 2 * 70 + 1)


def test_nothing_is_read_of_an_empty_passage_and_the_beginning_for_an_empty_question() -> None:
    assert best_part(tokens(EAST), tokens()) == (0, 0)
    assert best_part(tokens(), tokens(EAST, NORTH)) == (0, 3)


def test_log_odds_are_the_weighted_sum_of_what_is_shown(reranker: DeepReranker) -> None:
    for judgement in reranker.judge("what froze in winter", evidence(5)):
        shown = judgement.features
        wanted = -0.5 + 0.5 * shown["fast"] + 2.0 * shown["deep_cosine"] + shown["deep_tokens"]
        assert judgement.log_odds == pytest.approx(wanted)
        assert -1 <= shown["deep_cosine"] <= 1
        assert 0 <= shown["deep_tokens"] <= 1 + 1e-6


def test_what_the_fast_reranker_puts_first_is_read_and_stays_before_the_rest(reranker: DeepReranker) -> None:
    candidates = evidence(2 * READ_DEEPLY)
    judgements = reranker.judge("what froze in winter", candidates)
    fast = [one.log_odds for one in reranker.fast.judge("what froze in winter", candidates)]
    read = [i for i, one in enumerate(judgements) if "deep_cosine" in one.features]
    assert set(read) == set(sorted(range(len(fast)), key=lambda i: -fast[i])[:READ_DEEPLY])
    unread = [one.log_odds for i, one in enumerate(judgements) if i not in read]
    assert max(unread) <= min(judgements[i].log_odds for i in read)


def test_who_has_no_time_for_all_gets_the_likeliest_read(reranker: DeepReranker) -> None:
    candidates = evidence(2 * READ_DEEPLY)
    clock = Clock(budget_ms=1e-6)
    judgements = reranker.judge("what froze in winter", candidates, clock)
    fast = [one.log_odds for one in reranker.fast.judge("what froze in winter", candidates)]
    read = [i for i, one in enumerate(judgements) if "deep_cosine" in one.features]
    assert set(read) == set(sorted(range(len(fast)), key=lambda i: -fast[i])[:READ_AT_ONCE])
    assert clock.left_out == ["rerank"]
    unread = [one.log_odds for i, one in enumerate(judgements) if i not in read]
    assert max(unread) <= min(judgements[i].log_odds for i in read)


def test_it_reads_no_further_when_nobody_waits(reranker: DeepReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled, read = Event(), []
    whole = OnnxEmbedder.read_passages

    def read_and_cancel(encoder: OnnxEmbedder, texts: list[str]) -> list[Reading]:
        read.extend(texts)
        cancelled.set()
        return whole(encoder, texts)

    monkeypatch.setattr(OnnxEmbedder, "read_passages", read_and_cancel)
    with pytest.raises(SearchCancelledError):
        reranker.judge("what froze in winter", evidence(READ_DEEPLY), Clock(cancelled=cancelled))
    assert len(read) == READ_AT_ONCE < READ_DEEPLY


def test_no_candidates_give_no_judgements(reranker: DeepReranker) -> None:
    assert reranker.judge("what froze", evidence(0)) == []


def test_a_question_without_a_known_word_is_judged(reranker: DeepReranker) -> None:
    assert np.isfinite([one.log_odds for one in reranker.judge("ვინ?", evidence(3, "ვინ?"))]).all()


def test_an_archive_is_asked_with_it_by_the_path_of_its_folder(archive: Archive, folder: Path) -> None:
    assert is_deep_model(folder)
    for mode in Mode:
        results = archive.search("the dam and the reservoir", rerank=str(folder), mode=mode)
        explained = [hit.explain["rerank"] for hit in results.hits]
        assert all(one["by"] == str(folder) and "deep_cosine" in one for one in explained)
        assert [one["log_odds"] for one in explained] == sorted((one["log_odds"] for one in explained), reverse=True)


def test_the_transformer_can_be_the_model_of_an_index(folder: Path, tmp_path: Path) -> None:
    Indexer(tmp_path / "index", model=str(folder)).rebuild(ARTICLES)
    with Archive.open(tmp_path / "index") as archive:
        stats = archive.stats()["model"]
        assert stats["id"] == str(folder.resolve())
        assert stats["hash"] == OnnxEmbedder.from_folder(folder).model.hash
        assert archive.search("armoured train", mode="semantic", rerank=str(folder)).hits


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"bias": 0}', '{"bias": 0, "weights": {"a": "b"}, "no_answer_below": 0}']
)
def test_weights_that_cannot_be_read_name_their_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "reranker.json").write_text(content)
    with pytest.raises(InvalidArgumentError, match=r"holds no weights of a reranker") as caught:
        read_weights(tmp_path / "reranker.json")
    assert str(tmp_path / "reranker.json") in str(caught.value)


def test_weights_are_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "reranker.json").write_text(json.dumps(WEIGHTS))
    assert read_weights(tmp_path / "reranker.json") == LogisticModel(-0.5, WEIGHTS["weights"], 0.1)
