"""Rows of tokens made into batches for the deep reader, and what it is taught by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from encoder import precision
from readings import Group, Row

from backissue.search.deep import Kind, laid_out
from backissue.search.embedding import StaticEmbedder

LENGTHS = (32, 64, 96, 128, 160, 216)
"""What rows are padded to. They are few, since the model is compiled for each."""
TOKENS_AT_ONCE = 4096
NEVER = -1e9

Run = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""A reader, or a part of one: from vectors (n, t, dimension) and kinds (n, t)."""


class Batch:
    """Rows padded to one length, `TOKENS_AT_ONCE` in all: vectors (n, t, dimension), kinds and `right` (n, t)."""

    def __init__(self, rows: Sequence[Row], embedder: StaticEmbedder, length: int, device: torch.device) -> None:
        count = TOKENS_AT_ONCE // length
        ids = np.zeros((count, length), np.int32)
        kinds = np.full((count, length), Kind.PADDING, np.int64)
        right = np.zeros((count, length), np.bool_)
        for number, row in enumerate(rows):
            of_row, places = laid_out(len(row.question), len(row.title), len(row.text))
            kinds[number, : len(of_row)] = of_row
            ids[number, places] = np.concatenate([row.question, row.title, row.text])
            right[number, places[len(places) - len(row.text) :]] = row.right
        vectors = embedder.vectors_of(ids)
        vectors[kinds < Kind.QUESTION] = 0.0
        self.vectors = torch.from_numpy(vectors).to(device)
        self.kinds, self.right = torch.from_numpy(kinds).to(device), torch.from_numpy(right).to(device)


def blocks(rows: Sequence[Row]) -> Iterator[tuple[list[int], int]]:
    """The numbers of rows that are read together, and the length that they are padded to."""
    padded = [next(length for length in LENGTHS if length >= len(row)) for row in rows]
    order = sorted(range(len(rows)), key=lambda one: padded[one])
    some: list[int] = []
    for at, one in enumerate(order, 1):
        some.append(one)
        following = padded[order[at]] if at < len(order) else TOKENS_AT_ONCE
        if len(some) >= TOKENS_AT_ONCE // following:
            yield some, padded[one]
            some = []


def reading_loss(
    run: Run, groups: Sequence[Group], embedder: StaticEmbedder, device: torch.device
) -> tuple[torch.Tensor, float]:
    """Cross entropy of the answering tokens among all of a question's passages, and how often the likeliest answers."""
    rows = [row for group in groups for row in group]
    owner = torch.from_numpy(np.repeat(np.arange(len(groups)), [len(group) for group in groups])).to(device)
    scores, owners, rights = [], [], []
    for some, length in blocks(rows):
        batch = Batch([rows[one] for one in some], embedder, length, device)
        with precision(device):
            read = run(batch.vectors, batch.kinds).float()
        text = batch.kinds == Kind.TEXT
        scores.append(read[text])
        mine = torch.cat([owner[some], owner.new_zeros(len(text) - len(some))])
        owners.append(mine[:, None].expand_as(text)[text])
        rights.append(batch.right[text])
    score, of, right = torch.cat(scores), torch.cat(owners), torch.cat(rights)
    best, best_right = _highest(score, of, len(groups)), _highest(score[right], of[right], len(groups))
    loss = _log_sums(score, of, len(groups)) - _log_sums(score[right], of[right], len(groups))
    return loss.mean(), float((best_right >= best).float().mean())


def _highest(score: torch.Tensor, of: torch.Tensor, count: int) -> torch.Tensor:
    return score.new_full((count,), NEVER).scatter_reduce(0, of, score.detach(), "amax")


def _log_sums(score: torch.Tensor, of: torch.Tensor, count: int) -> torch.Tensor:
    highest = _highest(score, of, count)
    return score.new_zeros(count).index_add(0, of, torch.exp(score - highest[of])).log() + highest
