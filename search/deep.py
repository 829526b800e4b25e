"""The deep reranker: a small transformer reads the question and each of the best candidates together.

It reads what stands first after the fast reranker, in the static model's vectors of the tokens, and gives each token of
a passage a log-odds that the answer stands there. What they sum up to tells how likely the passage answers: a logistic
model that was learned with it adds that to the fast reranker's log-odds, so that the score stays an estimate of the
probability. Where they stand tells the answering sentence. `training/train_reader.py` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Judgement, LogisticModel, Reading, Scores, log_sum
from backissue.search.clock import UNHURRIED, Clock
from backissue.search.embedding import StaticEmbedder, Vectors, unit_rows
from backissue.search.errors import InvalidArgumentError
from backissue.search.onnx_session import in_threads, open_session
from backissue.search.rerank import READ_AT_ONCE, Evidence, FastReranker, batched

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FOLDER = Path(__file__).parent / "reader"
WEIGHTS_FILE = "reranker.json"
MODEL_FILE = "model.onnx"
READ_DEEPLY = 20
"""How many candidates are read."""
QUESTION_TOKENS = 48
TITLE_TOKENS = 20
TEXT_TOKENS = 192
"""How much is read of each; of a longer text the part that covers the question best."""

UNREADABLE = -20.0
"""The log-odds of a passage without a token, as one that was deleted meanwhile."""


class Kind(IntEnum):
    """What stands at a place of what is read. The static model has vectors for the last three."""

    PADDING = 0
    OPENING = 1
    SEPARATOR = 2
    QUESTION = 3
    TITLE = 4
    TEXT = 5


class Weights(NamedTuple):
    """What was learned to count: for a passage, and for which sentence of it answers."""

    passage: LogisticModel
    answer: LogisticModel


class DeepReader:
    """Reads a question and a passage together, run by onnxruntime."""

    def __init__(self, session: InferenceSession, static: StaticEmbedder) -> None:
        self._session = session
        self._static = static

    @classmethod
    def from_folder(cls, folder: Path, static: StaticEmbedder) -> Self:
        """The model in a folder, which reads the vectors of `static`.

        Raises MissingExtraError without onnxruntime, InvalidArgumentError where it cannot be read.
        """
        return cls(open_session(folder / MODEL_FILE), static)

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[tuple[NDArray[np.int32], Scores]]:
        """Of n passages, by their titles and texts, where the t tokens of the text begin that were read, (t,), and the
        log-odds that the answer stands there, (t,).

        Each passage is run by itself: there is no padding to compute, and 8-bit integers, which take their range from
        all that they are given, read it the same way whatever stands beside it.
        """
        asked = self._static.token_ids(question)[:QUESTION_TOKENS]

        def one(passage: tuple[str, str]) -> tuple[NDArray[np.int32], Scores]:
            title, text = passage
            ids, spans = self._static.token_spans(text)
            start = best_part(self._static.vectors_of(asked), self._static.unit_vectors_of(ids))
            part = slice(start, start + TEXT_TOKENS)
            titled = self._static.token_ids(title)[:TITLE_TOKENS]
            return spans[part, 0], self._scores(asked, titled, ids[part])

        return in_threads(one, passages, lambda passage: len(passage[1]))

    def _scores(self, question: NDArray[np.int32], title: NDArray[np.int32], text: NDArray[np.int32]) -> Scores:
        """The log-odds of the tokens of a text (t,)."""
        kinds, places = laid_out(len(question), len(title), len(text))
        vectors = np.zeros((1, len(kinds), self._static.model.dimension), np.float32)
        vectors[0, places] = self._static.vectors_of(np.concatenate([question, title, text]))
        (scores,) = self._session.run(["scores"], {"vectors": vectors, "kinds": kinds[np.newaxis]})
        read: Scores = scores[0, kinds == Kind.TEXT].astype(np.float64)
        return read


def laid_out(question: int, title: int, text: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The kinds (p,) of what is read, given how many tokens question, title and text have; and where these stand."""
    kinds = np.repeat(
        [Kind.OPENING, Kind.QUESTION, Kind.SEPARATOR, Kind.TITLE, Kind.TEXT, Kind.SEPARATOR],
        [1, question, 1, title, text, 1],
    ).astype(np.int64)
    return kinds, np.flatnonzero(kinds >= Kind.QUESTION)


@dataclass(frozen=True, slots=True)
class DeepReranker:
    """Reads `READ_DEEPLY` candidates of those that the fast reranker judges."""

    fast: FastReranker
    reader: DeepReader
    weights: Weights
    name: str = "deep"

    @property
    def no_answer_below(self) -> float:
        """As its model has learned it."""
        return self.weights.passage.no_answer_below

    def judge(self, question: str, candidates: Evidence, clock: Clock = UNHURRIED) -> list[Judgement]:
        """A judgement of each candidate, in their order. None that was not read stands above one that was.

        Where the clock leaves no time for all that should be read, the likeliest were.
        """
        judgements = self.fast.judge(question, candidates)
        order = sorted(range(len(candidates)), key=lambda i: -judgements[i].log_odds)
        if not order:
            return judgements
        texts = candidates.texts()
        readings = self.read(question, [texts[i] for i in order[:READ_DEEPLY]], clock)
        read, unread = order[: len(readings)], order[len(readings) :]
        features = self.features(np.array([judgements[i].log_odds for i in read]), readings)
        log_odds = self.weights.passage.log_odds(features)
        for n, (i, reading) in enumerate(zip(read, readings, strict=True)):
            shown = {name: float(values[n]) for name, values in features.items()}
            judgements[i] = Judgement(float(log_odds[n]), shown, reading)
        limit = float(log_odds.min())
        for i in unread:
            judgements[i] = Judgement(min(limit, judgements[i].log_odds), judgements[i].features)
        return judgements

    def read(self, question: str, passages: Sequence[tuple[str, str]], clock: Clock = UNHURRIED) -> list[Reading]:
        """What was read in passages by their titles and texts, the first ones only where time is short."""
        readings: list[Reading] = []
        for some in batched(passages, READ_AT_ONCE):
            clock.go_on()
            if readings and not clock.allows("rerank", True):
                break
            readings += [Reading(*one, self.weights.answer) for one in self.reader.read(question, some)]
        return readings

    def features(self, fast: Scores, readings: Sequence[Reading]) -> dict[str, Scores]:
        """The features (n,) of n passages that were read; `fast` are their log-odds by the fast reranker."""
        return {"fast": fast, "read": np.array([max(log_sum(one.scores), UNREADABLE) for one in readings])}


def is_available() -> bool:
    """Whether the deep reranker can be run here."""
    return find_spec("onnxruntime") is not None and (FOLDER / MODEL_FILE).is_file()


@cache
def bundled() -> tuple[DeepReader, Weights]:
    """The reader of the package and its weights, loaded once in a process."""
    return DeepReader.from_folder(FOLDER, StaticEmbedder.bundled()), read_weights(FOLDER / WEIGHTS_FILE)


def best_part(asked: Vectors, passage: Vectors, size: int = TEXT_TOKENS) -> int:
    """Where the `size` tokens begin that cover the question best (MaxSim); of equal parts the first.

    Given the vectors of the question's tokens (q, d), whose lengths are what they count, and those of the passage at
    length one (t, d).
    """
    last = len(passage) - size
    if last <= 0:
        return 0
    starts = np.append(np.arange(0, last, size // 4), last)
    cosines = np.maximum(passage @ unit_rows(asked).T, 0.0)
    weights = np.linalg.norm(asked, axis=1)
    return int(starts[np.argmax([float(cosines[start : start + size].max(axis=0) @ weights) for start in starts])])


def read_weights(path: Path) -> Weights:
    """The weights in a file that `training/deep_reranker.py` has written."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Weights(*(_model(record[part]) for part in Weights._fields))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(f"{path} holds no weights of a reranker: {error!r}") from error


def _model(record: Mapping[str, Any]) -> LogisticModel:
    weights = {str(name): float(weight) for name, weight in record["weights"].items()}
    return LogisticModel(float(record["bias"]), weights, float(record.get("no_answer_below", 0.0)))
