"""Where the student's table starts: every piece of any language as a mixture of the teacher's English pieces.

Which English pieces a piece stands for is learned by word alignment (IBM model 1, `alignment.py`) between the student's
pieces of a sentence and the teacher's pieces of its English translation; an English sentence is its own translation.
The teacher's layers then understand the student's pieces before any training, as in WECHSEL (Minixhofer et al. 2022),
which weighs by the nearness of static vectors. That is done here for the pieces that alignment has not seen.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from alignment import Bitext, align
from data import SENTENCES, WORDS, Corpus
from numpy.typing import NDArray
from static import SOURCE_WEIGHT, encode
from tokenizers import Tokenizer

CHARS_MAX = 160
"""Longer texts align badly, and cost the square of their length."""
CELLS_PER_LANGUAGE = 2_000_000_000
"""Products of the lengths of texts and of their translations, in characters: about 100 million pairs of pieces."""
WORDS_SHARE = 0.3
PROBABILITY_MIN = 0.03
MIXED_MAX = 12
COUNT_MIN = 0.5
NEIGHBOURS = 5
SHARPNESS = 20.0


def start_table(
    corpus: Corpus,
    allowed: NDArray[np.bool_],
    tokenizer: Tokenizer,
    static_table: NDArray[np.float32],
    teacher_tokenizer: Tokenizer,
    teacher_table: NDArray[np.float32],
    cells: int,
    seed: int,
) -> NDArray[np.float32]:
    """A table (pieces, dimension of the teacher).

    `static_table` has a vector of each piece in a space that languages share, to find neighbours in. `cells` is how
    much text of each language is aligned, see `CELLS_PER_LANGUAGE`.
    """
    counts = link_counts(corpus, allowed, tokenizer, teacher_tokenizer, cells, seed)
    table, known = mixtures(counts, len(static_table), teacher_table)
    table[~known] = neighbours_mixed(static_table, table, known)
    return table


def link_counts(
    corpus: Corpus,
    allowed: NDArray[np.bool_],
    tokenizer: Tokenizer,
    teacher_tokenizer: Tokenizer,
    cells: int,
    seed: int,
) -> dict[tuple[int, int], float]:
    """How often each piece was linked with each English piece of the teacher, every language counting the same."""
    total: dict[tuple[int, int], float] = defaultdict(float)
    for lang, pairs in english_pairs(corpus, allowed, cells, seed).items():
        source = encode(tokenizer, [corpus.texts[row] for row in pairs[:, 0]])
        target = encode(teacher_tokenizer, [corpus.texts[row] for row in pairs[:, 1]])
        weights = np.ones(len(pairs), np.float32)
        links = align(Bitext(source.tokens, source.starts, target.tokens, target.starts, weights), diagonal=2.0)
        kept = links.counts > COUNT_MIN / 10
        found = (links.source[kept].tolist(), links.target[kept].tolist(), links.counts[kept].tolist())
        for piece, word, count in zip(*found, strict=True):
            total[piece, word] += count
        print(f"{lang}: {len(pairs)} pairs, {int(kept.sum())} links", flush=True)
    return total


def english_pairs(corpus: Corpus, allowed: NDArray[np.bool_], cells: int, seed: int) -> dict[str, NDArray[np.int32]]:
    """For each language the rows (n, 2) of texts and of their English translations, news and the like first.

    English has its texts with themselves.
    """
    generator = np.random.default_rng(seed)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])
    languages = [name.split("-") for _, _, name in corpus.group_names]
    worth = np.array([SOURCE_WEIGHT.get(source, 1.0) for _, source, _ in corpus.group_names])
    chosen: dict[str, NDArray[np.int32]] = {}
    present = np.unique(corpus.groups[allowed])
    for lang in sorted({lang for group in present for lang in languages[group]} - {"en"}):
        parts = []
        for kind, share in ((SENTENCES, 1 - WORDS_SHARE), (WORDS, WORDS_SHARE)):
            mine = np.array([sorted((lang, "en")) == pair for pair in languages]) & (kind_of == kind)
            rows = np.flatnonzero(allowed & mine[corpus.groups])
            pairs = corpus.pairs[rows][:, [0, 2]]
            english_first = np.array([corpus.langs[row] == "en" for row in pairs[:, 0]], np.bool_)
            pairs[english_first] = pairs[english_first, ::-1]
            order = np.argsort(generator.exponential(size=len(rows)) / worth[corpus.groups[rows]])
            parts.append(_first_cells(corpus, pairs[order], share * cells))
        chosen[lang] = np.concatenate(parts)
    english = generator.permutation(np.unique(np.concatenate([pairs[:, 1] for pairs in chosen.values()])))
    return {"en": _first_cells(corpus, np.stack([english, english], axis=1), cells), **chosen}


def _first_cells(corpus: Corpus, pairs: NDArray[np.int32], cells: float) -> NDArray[np.int32]:
    """As many of the first pairs as have so many cells; the long ones left out."""
    lengths = np.array([[len(corpus.texts[row]) for row in pair] for pair in pairs.tolist()], np.int64).reshape(-1, 2)
    short = (lengths <= CHARS_MAX).all(axis=1)
    return pairs[short][np.cumsum(lengths[short].prod(axis=1)) <= cells]


def mixtures(
    counts: dict[tuple[int, int], float], pieces: int, teacher_table: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The table of pieces mixed by their counts, at the length of what they are mixed from, and which have one."""
    of_piece: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for (piece, word), count in counts.items():
        of_piece[piece].append((count, word))
    table = np.zeros((pieces, teacher_table.shape[1]), np.float32)
    known = np.zeros(pieces, np.bool_)
    lengths = np.linalg.norm(teacher_table, axis=1)
    for piece, linked in of_piece.items():
        total = sum(count for count, _ in linked)
        best = [one for one in sorted(linked, reverse=True)[:MIXED_MAX] if one[0] >= PROBABILITY_MIN * total]
        if total < COUNT_MIN or not best:
            continue
        weights = np.array([count for count, _ in best], np.float32)
        words = [word for _, word in best]
        weights /= weights.sum()
        mixed = weights @ teacher_table[words]
        table[piece] = mixed * (weights @ lengths[words] / max(float(np.linalg.norm(mixed)), 1e-6))
        known[piece] = True
    return table, known


def neighbours_mixed(
    static_table: NDArray[np.float32], table: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Vectors of the unknown pieces, mixed from those of the known pieces that are nearest in the static table."""
    unit = static_table / np.maximum(np.linalg.norm(static_table, axis=1, keepdims=True), 1e-6)
    unknown, given = np.flatnonzero(~known), np.flatnonzero(known)
    made = np.zeros((len(unknown), table.shape[1]), np.float32)
    for start in range(0, len(unknown), 1024):
        cosines = unit[unknown[start : start + 1024]] @ unit[given].T
        nearest = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        weights = np.exp(SHARPNESS * np.take_along_axis(cosines, nearest, axis=1))
        weights /= weights.sum(axis=1, keepdims=True)
        made[start : start + 1024] = np.einsum("nk,nkd->nd", weights, table[given[nearest]])
    return made
