"""Learns how much the deeper reranker counts by what its transformer reads: reranker.json in the transformer's folder.

    python -m training.deep_reranker --corpora DIR --model FOLDER

The questions, the passages and the ways of learning are those of `training/reranker.py`; the candidates are what the
bundled legs, fusion and fast reranker put first, whose log-odds are the first feature. The first half of the questions
teaches the order, the second half the calibration. No evaluation set is used.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import Indexer
from backissue.search import Archive, Mode
from backissue.search.calibration import Calibration, LogisticModel
from backissue.search.deep import READ_DEEPLY, WEIGHTS_FILE, DeepReranker
from backissue.search.embedding import StaticEmbedder
from backissue.search.onnx_embedder import OnnxEmbedder
from backissue.search.rerank import FastReranker
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

FEATURES = ("fast", "deep_cosine", "deep_tokens")


def examples(archive: Archive, asked: list[Asked], reranker: DeepReranker) -> Iterator[Example]:
    """For each question what the transformer reads, and which of it is right."""
    snapshot = archive._snapshot
    for one, question, candidates in candidates_of(archive, asked):
        first, evidence = evidence_of_first(archive, question, candidates, candidates.fused)
        fast = np.array([judgement.log_odds for judgement in reranker.fast.judge(one.text, evidence)])
        read = np.argsort(-fast, kind="stable")[:READ_DEEPLY]
        texts = evidence.texts()
        features = reranker.features(one.text, [texts[i] for i in read], fast[read])
        article = archive._store.row_of(one.passage)
        at = [snapshot.columns.article[candidates.positions[first[i]]] for i in read]
        right = at.index(article) if article in at else -1
        yield Example(_matrix(features), right, one.foreign)


def _matrix(features: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack([features[name] for name in FEATURES], axis=1)


def main() -> None:
    """Learns, reports beside what the fast reranker does, and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder that train_transformer.py has written")
    parser.add_argument("--questions", type=Path, default=Path(__file__).parent / "questions.tsv")
    parser.add_argument("--passages", type=int, default=400, help="passages drawn from each question set beside")
    parser.add_argument("--limit", type=int, help="so many questions only")
    arguments = parser.parse_args()
    passages, asked = passages_and_questions(arguments.corpora, arguments.questions, arguments.passages)
    # By passage, so that the questions of one are not on both sides of a division into halves.
    asked.sort(key=lambda one: sha256(f"2 {one.passage}".encode()).digest())
    asked = asked[: arguments.limit]
    print(f"{len(passages)} passages, {len(asked)} questions, {sum(one.foreign for one in asked)} across languages")
    fast = FastReranker(StaticEmbedder.bundled(), Calibration.bundled().reranker[Mode.HYBRID])
    encoder = OnnxEmbedder.from_folder(arguments.model)
    reranker = DeepReranker(fast, encoder, LogisticModel(0.0, {}), str(arguments.model))
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder, target_words=2000, overlap_sentences=0).rebuild(passages.values())
        with Archive.open(folder) as archive:
            read = list(examples(archive, asked, reranker))
    half = len(read) // 2
    learning, calibrating = read[:half], read[half:]
    report("fast", calibrating, np.array([1.0, 0.0, 0.0]), 1.0, 0.0)
    weights = learn(learning, FEATURES)
    scale, bias = calibrate(calibrating, weights)
    report("deep", calibrating, weights, scale, bias)
    record = {
        "bias": round(bias, 4),
        "weights": {name: round(float(scale * weight), 4) for name, weight in zip(FEATURES, weights, strict=True)},
        "no_answer_below": round(threshold(calibrating, weights, scale, bias), 3),
    }
    (arguments.model / WEIGHTS_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
