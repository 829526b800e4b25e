"""Contrastive training of the static table: one vector per token, a text is the normalised mean of its tokens' vectors.

Symmetric InfoNCE (van den Oord et al. 2018) over large batches, in which every other pair of the batch is a negative
unless it has the same meaning. A batch is of one kind (see `data.KINDS`) and mixes languages on both sides, so that
neither side can be told by its language.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from data import KINDS, Corpus
from numpy.typing import NDArray
from soft_labels import Teacher, Teaching
from tokenizers import Tokenizer
from torch.nn import functional

ENCODE_ROWS = 50_000
MEMO_WORDS_MAX = 3_000_000


@dataclass(frozen=True)
class Settings:
    """What can be tuned; the defaults are what the bundled model was trained with."""

    dimension: int = 256
    cycles: tuple[tuple[int, float], ...] = ((2200, 1.0),)
    batch: int = 2048
    learning_rate: float = 0.05
    initial_scale: float = 8.0
    scale: float = 20.0
    max_tokens: int = 128
    balance: float = 0.5
    shares: tuple[float, ...] = (0.35, 0.15, 0.15, 0.1, 0.25)
    seed: int = 0


@dataclass(frozen=True)
class Encoded:
    """Tokens of all texts end to end; text i is `tokens[starts[i]:starts[i + 1]]`."""

    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]


def encode(tokenizer: Tokenizer, texts: list[str]) -> Encoded:
    """Tokenise every text once, word by word: few words are new, and the tokeniser never looks across a space."""
    memo: dict[str, bytes] = {}
    parts, lengths = [], []
    for first in range(0, len(texts), ENCODE_ROWS):
        rows = [text.split() for text in texts[first : first + ENCODE_ROWS]]
        new = list({word for row in rows for word in row if word not in memo})
        for word, encoding in zip(new, tokenizer.encode_batch_fast(new, add_special_tokens=False), strict=True):
            memo[word] = np.array(encoding.ids, np.int32).tobytes()
        encoded = [b"".join([memo[word] for word in row]) for row in rows]
        lengths.append(np.fromiter(map(len, encoded), np.int64, len(encoded)) // 4)
        parts.append(np.frombuffer(b"".join(encoded), np.int32))
        if len(memo) > MEMO_WORDS_MAX:
            memo = {}
    return Encoded(np.concatenate(parts), np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))


# News, encyclopedias and everyday speech are what archives and their readers sound like; menus and manuals are not.
SOURCE_WEIGHT = {
    "stsb_multi_mt": 2.0,
    "tatoeba_challenge_test": 2.0,
    "tico19_covid": 4.0,
    "pud_news_wiki": 4.0,
    "mlqe_pe_wikipedia": 4.0,
    "covid_nextstrain_sitreps": 2.0,
    "docs_ms_dynamics": 0.5,
    "help_ms_alchemy": 0.5,
    "docs_ms_dynamics_headings": 0.5,
    "help_ms_alchemy_headings": 0.5,
    "strings_thunderbird": 0.5,
    "news_en_current_events": 2.0,
}


def group_weights(corpus: Corpus, balance: float) -> NDArray[np.float64]:
    """How often each group is drawn within its kind: its size to the power `balance` times the worth of its source."""
    sizes = np.bincount(corpus.groups, minlength=len(corpus.group_names)).astype(np.float64)
    worth = np.array([SOURCE_WEIGHT.get(s, 1.0) * language_weight(pair) for _, s, pair in corpus.group_names])
    return sizes**balance * worth


def language_weight(pair: str) -> float:
    """English is what most languages have in common, and Polish what the first archives are written in."""
    return 3.0 if "en" in pair else 1.5 if "pl" in pair else 1.0


def drawn_once(
    rows: NDArray[np.int64], most: int, worth: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """At most so many of rows (n,), each by its worth (n,), none twice (Efraimidis & Spirakis 2006)."""
    return rows[np.argsort(generator.exponential(size=len(rows)) / worth)[:most]]


class Sampler:
    """Draws batches of row numbers of `corpus.pairs`; every batch is of one kind."""

    def __init__(self, corpus: Corpus, settings: Settings, allowed: NDArray[np.bool_]) -> None:
        self.settings = settings
        self.generator = np.random.default_rng(settings.seed)
        weights = group_weights(corpus, settings.balance)
        kind_of = np.array([kind for kind, _, _ in corpus.group_names])
        rows = np.flatnonzero(allowed)
        groups = corpus.groups[rows]
        sizes = np.maximum(np.bincount(groups, minlength=len(weights)), 1)
        self.rows: list[NDArray[np.int64]] = []
        self.cumulative: list[NDArray[np.float64]] = []
        for kind in range(len(KINDS)):
            mine = rows[kind_of[groups] == kind]
            of = corpus.groups[mine]
            self.rows.append(mine)
            self.cumulative.append(np.cumsum(weights[of] / sizes[of]))

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        while True:
            kind = self.generator.choice(len(KINDS), p=np.array(self.settings.shares) / sum(self.settings.shares))
            cumulative = self.cumulative[kind]
            drawn = np.searchsorted(cumulative, self.generator.random(self.settings.batch) * cumulative[-1])
            yield self.rows[kind][np.unique(drawn)]


def ranges(
    encoded: Encoded, first: NDArray[np.int32], last: NDArray[np.int32], max_tokens: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The tokens of ranges of texts, end to end, and where each range starts in them."""
    start = encoded.starts[first]
    length = np.minimum(encoded.starts[last] - start, max_tokens)
    offsets = np.concatenate([[0], np.cumsum(length)])
    positions = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], length)
    return encoded.tokens[positions], offsets[:-1]


def embed(table: torch.Tensor, tokens: NDArray[np.int32], offsets: NDArray[np.int64]) -> torch.Tensor:
    """Unit vectors (n, dimension) of n texts."""
    bags = functional.embedding_bag(torch.from_numpy(tokens), table, torch.from_numpy(offsets.astype(np.int32)))
    return functional.normalize(bags)


def info_nce(left: torch.Tensor, right: torch.Tensor, meaning: torch.Tensor, scale: float) -> torch.Tensor:
    """Symmetric InfoNCE of left (n, d) with the first n of right (m, d), of which the rest are negatives only.

    What has the same meaning (m,) is no negative.
    """
    return contrast(scale * left @ right.T, meaning)


def contrast(scores: torch.Tensor, meaning: torch.Tensor) -> torch.Tensor:
    """`info_nce` of scores (n, m)."""
    n = len(scores)
    same = meaning[:n, None] == meaning[None, :]
    same.fill_diagonal_(False)
    scores = scores.masked_fill(same, -torch.inf)
    target = torch.arange(n, device=scores.device)
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores[:, :n].T, target)) / 2


def rate_factor(step: int, cycles: Sequence[tuple[int, float]]) -> float:
    """The learning rate at a step, as a part of its peak: cycles of (steps, height), each up in a twentieth and down.

    Warm restarts (Loshchilov & Hutter 2017), with straight lines.
    """
    for length, height in cycles:
        if step < length:
            warm = max(length // 20, 1)
            return height * min((step + 1) / warm, max((length - step) / (length - warm), 0.02))
        step -= length
    return 0.0


def train(
    corpus: Corpus,
    encoded: Encoded,
    vocabulary: int,
    settings: Settings,
    allowed: NDArray[np.bool_],
    report: Callable[[int, NDArray[np.float32], str], None],
    initial: NDArray[np.float32] | None = None,
    checkpoint: Path | None = None,
    hard: NDArray[np.int64] | None = None,
    teacher: Teacher | None = None,
    every: int = 250,
) -> NDArray[np.float32]:
    """The trained table (vocabulary, dimension), from an initial one or from noise.

    `hard` (pairs, h) says in which other pairs stand hard negatives of each pair, -1 where there is none: one of them
    is drawn with it. The `teacher` tells what it makes of each batch (`soft_labels.py`).

    Every `every` steps the state is kept at `checkpoint`, from where the next call goes on, and
    `report(step, table, line)` is called.
    """
    torch.manual_seed(settings.seed)
    noise = torch.randn(vocabulary, settings.dimension) * 0.1
    table = torch.nn.Parameter(noise if initial is None else torch.from_numpy(initial * settings.initial_scale))
    optimizer = torch.optim.Adam([table], lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_factor(step, settings.cycles))
    teaching = Teaching(teacher, settings.dimension) if teacher else None
    steps = sum(length for length, _ in settings.cycles)
    done = 0
    if checkpoint and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        done = state["done"]
        table.data.copy_(state["table"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        if teaching:
            teaching.load(state["teaching"])
    gradient = table.grad = torch.zeros_like(table)
    begun, losses = time.monotonic(), []
    # The batches of the steps that are done are drawn again, so that an interruption changes nothing.
    for step, rows in islice(enumerate(Sampler(corpus, settings, allowed), start=1), done, steps):
        others = rows
        if hard is not None:
            drawn = hard[rows, np.random.default_rng([settings.seed, step]).integers(hard.shape[1], size=len(rows))]
            others = np.concatenate([rows, drawn[drawn >= 0]])
        pairs, told = corpus.pairs[rows], corpus.pairs[others]
        firsts, lasts = (np.concatenate([pairs[:, side], told[:, side + 2]]) for side in (0, 1))
        tokens, offsets = ranges(encoded, firsts, lasts, settings.max_tokens)
        # A batch has few of all tokens: a gradient of theirs alone is a third of the work of a step.
        present = np.flatnonzero(np.bincount(tokens, minlength=len(table)))
        number = np.zeros(len(table), np.int32)
        number[present] = np.arange(len(present))
        ids = torch.from_numpy(present)
        vectors = table.detach()[ids].requires_grad_()
        texts = embed(vectors, number[tokens], offsets)
        scores = settings.scale * texts[: len(rows)] @ texts[len(rows) :].T
        loss = contrast(scores, torch.from_numpy(told[:, 4]))
        if teaching:
            loss = teaching.loss(loss, scores, texts, rows, others)
        loss.backward()
        gradient[ids] = vectors.grad
        optimizer.step()
        if teaching:
            teaching.step()
        gradient[ids] = 0
        schedule.step()
        losses.append(loss.item())
        if step % every == 0 or step == steps:
            if checkpoint:
                state = {"done": step, "table": table.data, "optimizer": optimizer.state_dict()}
                if teaching:
                    state["teaching"] = teaching.state()
                torch.save({**state, "schedule": schedule.state_dict()}, checkpoint)
            line = f"step {step} loss {np.mean(losses[-every:]):.3f} {time.monotonic() - begun:.0f} s"
            report(step, table.detach().numpy(), line)
    return table.detach().numpy().copy()


def embedding(tokenizer: Tokenizer, table: NDArray[np.float32]) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The function from texts to unit vectors that a table is."""

    def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = encode(tokenizer, list(texts))
        return embed(torch.from_numpy(table), encoded.tokens, encoded.starts[:-1]).numpy()

    return embed_texts
