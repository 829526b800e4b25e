"""Learns how much what the deep reader reads counts: search/reader/reranker.json.

    python -m training.deep_reranker --corpora DIR [--reader search/reader]

The questions, the passages and the ways of learning are those of `training/reranker.py`; the candidates are what the
bundled legs, fusion and fast reranker put first, whose log-odds are the first feature. The first half of the questions
teaches the order, the second half the calibration. Which sentence answers is learned as in `training/answers.py`, on
questions that the reader has not learned from. No evaluation set is used.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import Indexer
from backissue.search import Archive, Mode
from backissue.search.calibration import Calibration, LogisticModel, Reading
from backissue.search.deep import FOLDER, READ_DEEPLY, TEXT_TOKENS, WEIGHTS_FILE, DeepReader, DeepReranker, Weights
from backissue.search.embedding import StaticEmbedder
from backissue.search.rerank import FastReranker
from backissue.search.sentences import split_sentences
from training import answers
from training.reranker import (
    Asked,
    Example,
    calibrate,
    candidates_of,
    evidence_of_first,
    learn,
    passages_and_questions,
    report,
    threshold,
)

OF_EACH_SET = 1000
FEATURES = ("fast", "read")


def examples(archive: Archive, asked: list[Asked], reranker: DeepReranker) -> Iterator[Example]:
    """For each question what the reader reads, and which of it is right."""
    snapshot = archive._snapshot
    for one, question, candidates in candidates_of(archive, asked):
        first, evidence = evidence_of_first(archive, question, candidates, candidates.fused)
        fast = np.array([judgement.log_odds for judgement in reranker.fast.judge(one.text, evidence)])
        read = np.argsort(-fast, kind="stable")[:READ_DEEPLY]
        texts = evidence.texts()
        features = reranker.features(fast[read], reranker.read(one.text, [texts[i] for i in read]))
        article = archive._store.row_of(one.passage)
        at = [snapshot.columns.article[candidates.positions[first[i]]] for i in read]
        right = at.index(article) if article in at else -1
        yield Example(_matrix(features), right, one.foreign)


def _matrix(features: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack([features[name] for name in FEATURES], axis=1)


def sentences_of(asked: Sequence[answers.Asked], reader: DeepReader) -> Iterator[answers.Example]:
    """The sentences of the passages asked for, where there is a choice, with what was read of them as last feature."""
    embedder = StaticEmbedder.bundled()
    for one in asked:
        if (made := answers.example(one, embedder)) is None:
            continue
        if len(embedder.token_ids(one.passage)) > TEXT_TOKENS:
            continue  # An archive has no passages as long as those of some sets.
        example, names = made
        assert names == list(Calibration.bundled().answer.weights)
        spans = split_sentences(one.passage, one.lang)
        ((starts, scores),) = reader.read(one.question, [("", one.passage)])
        read = Reading(starts, scores, LogisticModel(0.0, {})).of(spans)
        yield replace(example, features=np.column_stack([example.features, read]))


def learn_answers(corpora: Path, questions: Path, reader: DeepReader, limit: int | None) -> LogisticModel:
    """Which sentence answers, learned on half of the passages that the reader has not learned from, and reported on the
    other.
    """
    asked = [one for one in answers.from_sets(corpora, OF_EACH_SET) if not one.teaches]
    asked += answers.written(corpora, questions)
    asked.sort(key=lambda one: sha256(f"3 {one.passage}".encode()).digest())
    some = list(sentences_of(asked[:limit], reader))
    teaching, measuring = some[: len(some) // 2], some[len(some) // 2 :]
    fast = Calibration.bundled().answer.weights
    names = [*fast, "read"]
    answers.report(measuring, np.array([*fast.values(), 0.0]), "fast")
    answers.report(measuring, np.array([0.0] * len(fast) + [1.0]), "what was read alone")
    weights = answers.learn(teaching)
    answers.report(measuring, weights, "both")
    return LogisticModel(0.0, {name: round(float(one), 4) for name, one in zip(names, weights, strict=True)})


def main() -> None:
    """Learns, reports beside what the fast reranker does, and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--reader", type=Path, default=FOLDER, help="folder that train_reader.py has written")
    parser.add_argument("--questions", type=Path, default=Path(__file__).parent / "questions.tsv")
    parser.add_argument("--passages", type=int, default=400, help="passages drawn from each question set beside")
    parser.add_argument("--limit", type=int, help="so many questions only")
    arguments = parser.parse_args()
    embedder = StaticEmbedder.bundled()
    reader = DeepReader.from_folder(arguments.reader, embedder)
    answer = learn_answers(arguments.corpora, arguments.questions, reader, arguments.limit)
    passages, asked = passages_and_questions(arguments.corpora, arguments.questions, arguments.passages)
    # By passage, so that the questions of one are not on both sides of a division into halves.
    asked.sort(key=lambda one: sha256(f"2 {one.passage}".encode()).digest())
    asked = asked[: arguments.limit]
    print(f"{len(passages)} passages, {len(asked)} questions, {sum(one.foreign for one in asked)} across languages")
    fast = FastReranker(embedder, Calibration.bundled().reranker[Mode.HYBRID])
    reranker = DeepReranker(fast, reader, Weights(LogisticModel(0.0, {}), answer))
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder, target_words=2000, overlap_sentences=0).rebuild(passages.values())
        with Archive.open(folder) as archive:
            read = list(examples(archive, asked, reranker))
    half = len(read) // 2
    learning, calibrating = read[:half], read[half:]
    report("fast", calibrating, np.array([1.0, 0.0]), 1.0, 0.0)
    weights = learn(learning, FEATURES)
    scale, bias = calibrate(calibrating, weights)
    report("deep", calibrating, weights, scale, bias)
    passage = LogisticModel(
        round(bias, 4),
        {name: round(float(scale * weight), 4) for name, weight in zip(FEATURES, weights, strict=True)},
        round(threshold(calibrating, weights, scale, bias), 3),
    )
    record = {"passage": asdict(passage), "answer": asdict(answer)}
    (arguments.reader / WEIGHTS_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
