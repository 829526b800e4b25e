"""The deeper reranker: a small transformer reads the best candidates again, word by word and in context.

It reads what stands first after the fast reranker, each passage cut to the part that covers the question best, and
gives two things: the cosine of question and passage, and a late interaction of their tokens (`rerank.interactions`) in
context. A logistic model that was learned with the transformer adds them to the fast reranker's log-odds, so that the
score stays an estimate of the probability that the passage answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from backissue.search.calibration import Judgement, LogisticModel, Scores
from backissue.search.clock import UNHURRIED, Clock
from backissue.search.embedding import TokenVectors, unit_rows
from backissue.search.errors import InvalidArgumentError
from backissue.search.forward import in_context, starts_of
from backissue.search.onnx_embedder import OnnxEmbedder, Reading, onnx_file
from backissue.search.rerank import READ_AT_ONCE, Evidence, FastReranker, batched, interactions

WEIGHTS_FILE = "reranker.json"
READ_DEEPLY = 20
"""How many candidates the transformer reads."""
PART_TOKENS = 40
"""How much of each it reads beside the title, in tokens of the static model: about 30 words.

Twenty parts of 40, with a title of five words, take three layers 0.54 s of one core of an old server (AVX2, no VNNI),
so about 0.3 s of two; of 48 0.65 s, of 64 0.77 s.
"""


def is_deep_model(folder: Path) -> bool:
    """Whether the folder holds a transformer in ONNX that was taught to rerank."""
    return onnx_file(folder) is not None and (folder / WEIGHTS_FILE).is_file()


@dataclass(frozen=True, slots=True)
class DeepReranker:
    """Reads `READ_DEEPLY` candidates of those that the fast reranker judges."""

    fast: FastReranker
    encoder: OnnxEmbedder
    model: LogisticModel
    name: str

    @classmethod
    def from_folder(cls, folder: Path, fast: FastReranker, encoder: OnnxEmbedder, name: str) -> Self:
        """The reranker of the weights that the transformer's folder holds.

        Raises InvalidArgumentError where they cannot be read.
        """
        return cls(fast, encoder, read_weights(folder / WEIGHTS_FILE), name)

    @property
    def no_answer_below(self) -> float:
        """As its model has learned it."""
        return self.model.no_answer_below

    def judge(self, question: str, candidates: Evidence, clock: Clock = UNHURRIED) -> list[Judgement]:
        """A judgement of each candidate, in their order. None that was not read stands above one that was.

        Where the clock leaves no time for all that should be read, the likeliest were.
        """
        judgements = self.fast.judge(question, candidates)
        order = sorted(range(len(candidates)), key=lambda i: -judgements[i].log_odds)
        if not order:
            return judgements
        fast = np.array([judgements[i].log_odds for i in order[:READ_DEEPLY]])
        texts = candidates.texts()
        features = self.features(question, [texts[i] for i in order[:READ_DEEPLY]], fast, clock)
        log_odds = self.model.log_odds(features)
        read, unread = order[: len(log_odds)], order[len(log_odds) :]
        for n, i in enumerate(read):
            judgements[i] = Judgement(float(log_odds[n]), {name: float(features[name][n]) for name in features})
        limit = float(log_odds.min())
        for i in unread:
            judgements[i] = Judgement(min(limit, judgements[i].log_odds), judgements[i].features)
        return judgements

    def features(
        self, question: str, texts: Sequence[tuple[str, str]], fast: Scores, clock: Clock = UNHURRIED
    ) -> dict[str, Scores]:
        """The features of n passages by their titles and texts, (n,) each; `fast` are their log-odds by the fast
        reranker. Only of the first ones where the clock leaves no time for the others.
        """
        static = self.fast.tokens
        asked = static.token_vectors(question)
        parts = []
        for title, text in texts:
            start, end = best_part(asked, static.token_vectors(text))
            parts.append(in_context(title, text[start:end]))
        query = self.encoder.read_query(question)
        passages: list[Reading] = []
        for some in batched(parts, READ_AT_ONCE):
            clock.go_on()
            if passages and not clock.allows("rerank", True):
                break
            passages += self.encoder.read_passages(some)
        cosine = np.array([query.vector @ one.vector for one in passages], np.float64)
        tokens = [one.tokens.vectors for one in passages]
        asked_tokens = query.tokens.vectors
        cosines = np.maximum(unit_rows(np.concatenate(tokens)) @ unit_rows(asked_tokens).T, 0.0)
        meeting, _ = interactions(asked_tokens, cosines, starts_of(map(len, tokens)))
        return {"fast": fast[: len(passages)], "deep_cosine": cosine, "deep_tokens": meeting}


def best_part(query: TokenVectors, passage: TokenVectors, size: int = PART_TOKENS) -> tuple[int, int]:
    """Where the `size` tokens of a passage begin and end, as characters, that cover the question best (MaxSim).

    A passage that is not longer is covered as a whole; of equal parts the first.
    """
    count = len(passage.vectors)
    if count == 0:
        return 0, 0
    last = max(count - size, 0)
    starts = np.append(np.arange(0, last, size // 4), last)
    weights = np.linalg.norm(query.vectors, axis=1)
    cosines = np.maximum(unit_rows(passage.vectors) @ unit_rows(query.vectors).T, 0.0)
    covered = [float(cosines[start : start + size].max(axis=0) @ weights) for start in starts]
    best = int(starts[np.argmax(covered)])
    spans = passage.spans[best : best + size]
    return int(spans[0, 0]), int(spans[-1, 1])


def read_weights(path: Path) -> LogisticModel:
    """The logistic model in a file that `training/deep_reranker.py` has written."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        weights = {str(name): float(weight) for name, weight in record["weights"].items()}
        return LogisticModel(float(record["bias"]), weights, float(record["no_answer_below"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(f"{path} holds no weights of a reranker: {error!r}") from error
