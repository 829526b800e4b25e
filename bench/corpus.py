"""A synthetic corpus of any size: the same for the same seed, on every machine.

Words are drawn by Zipf's law, a part of each passage's from its topic, and its vector lies about its topic's centre. A
passage has some eight sentences. A question has some words of a topic and a vector near the topic's centre, farther
from it than the passages' are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VOCABULARY = 60_000
DIMENSION = 256
WORDS_A_PASSAGE = (90, 150)
WORDS_A_SENTENCE = 15
TOPIC_SHARE = 0.3
TOPIC_WORDS = 300
PASSAGES_A_TOPIC = 400
ZIPF = 1.07
_SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


_AT_ONCE = 1 << 16

Vectors = NDArray[np.float32]

SECTIONS = (0.001, 0.01, 0.1, 0.5)
_DRAWN = np.random.default_rng(7).random(99_991)  # a prime, so that sections know nothing of languages


def section_name(share: float) -> str:
    """The name of the section that has this share of the texts."""
    return f"section {share}"


@dataclass(frozen=True)
class Corpus:
    """Texts with their vectors (n, d), and questions with theirs (q, d). Text i is in the i-th of the languages, which
    go round.
    """

    texts: list[str]
    vectors: NDArray[np.float32]
    questions: list[str]
    question_vectors: NDArray[np.float32]
    langs: tuple[str, ...] = ("en",)

    def section_of(self, row: int) -> str:
        """The section of a text: of `SECTIONS`, which have these shares of the texts, or another."""
        drawn, first = _DRAWN[row % len(_DRAWN)], 0.0
        for share in SECTIONS:
            first += share
            if drawn < first:
                return section_name(share)
        return "other"

    def lang_of(self, row: int) -> str:
        """The language of a text."""
        return self.langs[row % len(self.langs)]


def word(number: int) -> str:
    """A pronounceable word for each number, the lower the shorter: frequent words are short."""
    syllables = []
    while number >= 0:
        number, rest = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[rest])
        number -= 1
    return "".join(syllables)


def in_sentences(words: Sequence[str]) -> str:
    """A text of words. Each sentence is a paragraph: to who cuts at white space a full stop would be part of a word."""
    sentences = (words[first : first + WORDS_A_SENTENCE] for first in range(0, len(words), WORDS_A_SENTENCE))
    return "\n\n".join(map(" ".join, sentences))


def make(passages: int, questions: int, seed: int = 1) -> Corpus:
    """A corpus of so many passages; they are the same for any number of questions."""
    rng, asking = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    words = np.array([word(number) for number in range(VOCABULARY)], dtype=object)
    chance = 1.0 / np.arange(1, VOCABULARY + 1) ** ZIPF
    steps = np.cumsum(chance / chance.sum())
    topics = max(passages // PASSAGES_A_TOPIC, 4)
    of_topic = rng.integers(50, VOCABULARY, size=(topics, TOPIC_WORDS))
    centres = _unit(rng.normal(size=(topics, DIMENSION)))
    topic = rng.integers(0, topics, size=passages)

    def drawn(rng: np.random.Generator, length: int, about: int, share: float) -> str:
        numbers = np.searchsorted(steps, rng.random(length))
        own = rng.random(length) < share
        numbers[own] = of_topic[about][(rng.random(int(own.sum())) ** 2 * TOPIC_WORDS).astype(int)]
        return in_sentences(words[np.minimum(numbers, VOCABULARY - 1)])

    lengths = rng.integers(*WORDS_A_PASSAGE, size=passages)
    asked = asking.integers(0, topics, size=questions)
    return Corpus(
        texts=[drawn(rng, int(n), int(t), TOPIC_SHARE) for n, t in zip(lengths, topic, strict=True)],
        vectors=_near(rng, centres, topic, 0.9),
        questions=[drawn(asking, int(asking.integers(4, 8)), int(t), 0.8) for t in asked],
        question_vectors=_near(asking, centres, asked, 1.1),
    )


def _near(rng: np.random.Generator, centres: NDArray[np.float32], of: NDArray[np.int64], spread: float) -> Vectors:
    """Vectors (n, d) about the centres of these numbers (n,)."""
    vectors = np.empty((len(of), DIMENSION), dtype=np.float32)
    for first in range(0, len(of), _AT_ONCE):
        some = of[first : first + _AT_ONCE]
        noise = rng.normal(size=(len(some), DIMENSION)).astype(np.float32) * np.float32(spread / DIMENSION**0.5)
        vectors[first : first + _AT_ONCE] = _unit(centres[some] + noise)
    return vectors


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
