"""Distillation of the English teacher into a multilingual student.

The student of an English text and of its translation is pulled to the teacher's vector of the English text (Reimers &
Gurevych 2020). Beside that, translations, and questions with their passages, are told apart from the others of their
batch (InfoNCE), questions also from passages of their own source that look alike. A batch is of one kind (`data.KINDS`)
and mixes languages, which are balanced as for the static model.

Everything that is drawn at a step depends on the seed and the step alone, so a training that was interrupted goes on
from its checkpoint as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from data import KINDS, QUESTIONS, SENTENCES, WORDS, Corpus
from encoder import Encoder, embed, embed_ranges
from hard_negatives import HARD_KEPT
from numpy.typing import NDArray
from pieces import CELLS_PER_LANGUAGE
from static import Encoded, drawn_once, encode, group_weights, info_nce, ranges
from tokenizers import Tokenizer
from torch.nn import functional

TEACHER_BLOCK = 4096


@dataclass(frozen=True)
class Settings:
    """What can be tuned; a number for each kind of pair where there are four."""

    layers: int = 3
    cells: int = CELLS_PER_LANGUAGE
    pool: int = 3_000_000
    batch: tuple[int, ...] = (1024, 256, 256, 2048)
    max_tokens: tuple[int, ...] = (64, 192, 192, 32)
    shares: tuple[float, ...] = (0.5, 0.15, 0.25, 0.1)
    balance: float = 0.5
    body_rate: float = 2e-4
    table_rate: float = 1e-3
    warm_up: float = 0.03
    scale: float = 20.0
    teacher_weight: float = 10.0
    seed: int = 0


ON_CPU = Settings(cells=CELLS_PER_LANGUAGE // 20, pool=120_000, batch=(96, 32, 32, 192), max_tokens=(40, 112, 112, 12))
"""What an hour or two of one core can use."""


@dataclass(frozen=True)
class Pool:
    """The pairs that a training draws from.

    `rows[kind]` are row numbers of `corpus.pairs`; `english[kind]` (n, 2) says where in `ranges` the English text of
    each side stands, -1 where a side is not English.
    """

    rows: tuple[NDArray[np.int64], ...]
    english: tuple[NDArray[np.int64], ...]
    ranges: NDArray[np.int32]


def draw_pool(corpus: Corpus, allowed: NDArray[np.bool_], settings: Settings) -> Pool:
    """Draws `settings.pool` pairs, fewer where there are not as many, languages and sources balanced."""
    generator = np.random.default_rng(settings.seed)
    worth = group_weights(corpus, settings.balance) / np.maximum(np.bincount(corpus.groups), 1)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
    rows = []
    for kind, share in enumerate(np.array(settings.shares) / sum(settings.shares)):
        mine = np.flatnonzero(allowed & (kind_of == kind))
        rows.append(np.sort(drawn_once(mine, int(share * settings.pool), worth[corpus.groups[mine]], generator)))
    is_english = np.array([lang == "en" for lang in corpus.langs], np.bool_)
    keys = []
    for mine in rows:
        first, last = corpus.pairs[mine][:, [0, 2]], corpus.pairs[mine][:, [1, 3]]
        keys.append(np.where(is_english[first], first.astype(np.int64) << 32 | last, -1))
    unique = np.unique(np.concatenate([key.ravel() for key in keys]))
    unique = unique[unique >= 0]
    english = tuple(np.where(key >= 0, np.searchsorted(unique, key), -1) for key in keys)
    told = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1).astype(np.int32)
    return Pool(tuple(rows), english, told)


def encode_pool(tokenizer: Tokenizer, corpus: Corpus, pool: Pool) -> Encoded:
    """The tokens of the texts that the pool needs; other texts have none."""
    needed = np.zeros(len(corpus.texts) + 1, np.int64)
    for rows in pool.rows:
        for side in (0, 2):
            np.add.at(needed, corpus.pairs[rows, side], 1)
            np.add.at(needed, corpus.pairs[rows, side + 1], -1)
    texts = np.flatnonzero(np.cumsum(needed)[:-1] > 0)
    some = encode(tokenizer, [corpus.texts[row] for row in texts.tolist()])
    lengths = np.zeros(len(corpus.texts), np.int64)
    lengths[texts] = np.diff(some.starts)
    return Encoded(some.tokens, np.append(0, np.cumsum(lengths)))


def teacher_vectors(
    path: Path, corpus: Corpus, told: NDArray[np.int32], teacher: Encoder, tokenizer: Tokenizer, max_tokens: int
) -> NDArray[np.float16]:
    """The teacher's vectors of ranges of English texts, kept at `path`; goes on where an interruption left it."""
    count = path.with_suffix(".count")
    done = int(count.read_text()) if count.is_file() and path.is_file() else 0
    shape = (len(told), teacher.body.config.hidden_size)
    kept = np.lib.format.open_memmap(path, "r+" if done else "w+", np.float16, shape)
    if kept.shape != shape:
        raise SystemExit(f"{path} holds the vectors of other texts: delete it and the files beside it")
    begun = time.monotonic()
    for start in range(done, len(told), TEACHER_BLOCK):
        block = told[start : start + TEACHER_BLOCK]
        texts = [" ".join(corpus.texts[first:last]) for first, last in block.tolist()]
        each = np.arange(len(texts), dtype=np.int32)
        kept[start : start + len(block)] = embed_ranges(teacher, encode(tokenizer, texts), each, each + 1, max_tokens)
        kept.flush()
        count.write_text(str(start + len(block)))
        print(f"teacher: {start + len(block)} of {len(told)} texts, {time.monotonic() - begun:.0f} s", flush=True)
    return kept


@dataclass
class Progress:
    """How far a training is: by its steps, or by its minutes, whichever is further."""

    steps: int | None
    minutes: float | None
    step: int = 0
    seconds: float = 0.0

    @property
    def part(self) -> float:
        """From 0 to 1."""
        by_steps = self.step / self.steps if self.steps else 0.0
        by_time = self.seconds / 60 / self.minutes if self.minutes else 0.0
        return min(max(by_steps, by_time), 1.0)


def rate_factor(part: float, warm_up: float) -> float:
    """The learning rate as a part of its peak: up in the first `warm_up` of the training, then down to nothing."""
    return min((part + 1e-3) / warm_up, (1 - part) / (1 - warm_up))


class Training:
    """A student being trained."""

    def __init__(
        self,
        student: Encoder,
        corpus: Corpus,
        encoded: Encoded,
        pool: Pool,
        hard: NDArray[np.int64],
        teacher: NDArray[np.float16],
        settings: Settings,
        progress: Progress,
    ) -> None:
        self.student, self.settings, self.progress = student, settings, progress
        self._corpus, self._encoded, self._pool = corpus, encoded, pool
        self._hard, self._teacher = hard, teacher
        table = student.body.embeddings.word_embeddings.weight
        body = [one for one in student.body.parameters() if one is not table]
        self.optimizer = torch.optim.Adam(
            [{"params": body, "peak": settings.body_rate}, {"params": [table], "peak": settings.table_rate}],
            lr=settings.body_rate,
            fused=True,
        )

    def step(self) -> dict[str, float]:
        """One step of the optimiser; the parts of the loss."""
        begun = time.monotonic()
        kind, losses = self._losses()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_factor(self.progress.part, self.settings.warm_up)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.student.body.parameters(), 1.0)
        self.optimizer.step()
        told = {f"{KINDS[kind]} {name}": float(value.detach()) for name, value in losses.items()}
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - begun
        return told

    def run(self, report: Callable[[str], None], checkpoint: Path, every_seconds: float = 240.0) -> None:
        """Goes on from the checkpoint, if there is one, to the end; keeps one and reports every so often."""
        if checkpoint.is_file():
            self.load(checkpoint)
        kept, sums = time.monotonic(), {}
        while self.progress.part < 1:
            for name, value in self.step().items():
                total, number = sums.get(name, (0.0, 0))
                sums[name] = (total + value, number + 1)
            if time.monotonic() - kept > every_seconds or self.progress.part >= 1:
                self.save(checkpoint)
                means = {name: round(total / number, 3) for name, (total, number) in sorted(sums.items())}
                report(f"step {self.progress.step}, {self.progress.seconds:.0f} s, {self.progress.part:.0%}: {means}")
                kept, sums = time.monotonic(), {}

    def save(self, path: Path) -> None:
        """Keeps all that `load` needs to go on, in one rename."""
        state = {
            "settings": asdict(self.settings),
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "body": self.student.body.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Takes up what `save` kept."""
        state = torch.load(path, weights_only=True, map_location=self.student.device)
        if state["settings"] != asdict(self.settings):
            raise SystemExit(f"{path} is of a training with other settings: delete it, or give the same")
        self.progress.step, self.progress.seconds = state["step"], state["seconds"]
        self.student.body.load_state_dict(state["body"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _losses(self) -> tuple[int, dict[str, torch.Tensor]]:
        settings, device = self.settings, self.student.device
        generator = np.random.default_rng([settings.seed, self.progress.step])
        shares = np.array(settings.shares) / sum(settings.shares)
        kind = int(generator.choice(len(shares), p=shares))
        drawn = np.unique(generator.integers(len(self._pool.rows[kind]), size=settings.batch[kind]))
        pairs = self._corpus.pairs[self._pool.rows[kind][drawn]]
        left = self._embed(pairs[:, 0], pairs[:, 1], kind)
        firsts, lasts, meaning = pairs[:, 2], pairs[:, 3], pairs[:, 4]
        if kind == QUESTIONS:
            hard = self._hard[drawn, generator.integers(HARD_KEPT, size=len(drawn))]
            more = self._corpus.pairs[hard[hard >= 0]]
            firsts, lasts = np.concatenate([firsts, more[:, 2]]), np.concatenate([lasts, more[:, 3]])
            meaning = np.concatenate([meaning, more[:, 4]])
        right = self._embed(firsts, lasts, kind)
        losses = {"contrast": info_nce(left, right, torch.from_numpy(meaning).to(device), settings.scale)}
        english = self._pool.english[kind][drawn]
        if kind in (SENTENCES, WORDS):  # They mean the same, so that one is the other's target.
            english = np.where(english >= 0, english, english[:, ::-1])
        pulled, places = torch.cat([left, right[: len(left)]]), np.concatenate([english[:, 0], english[:, 1]])
        told = np.flatnonzero(places >= 0)
        if len(told):
            target = torch.from_numpy(self._teacher[places[told]].astype(np.float32)).to(device)
            away = 1 - (pulled[torch.from_numpy(told).to(device)] * functional.normalize(target)).sum(1)
            losses["teacher"] = settings.teacher_weight * away.mean()
        return kind, losses

    def _embed(self, first: NDArray[np.int32], last: NDArray[np.int32], kind: int) -> torch.Tensor:
        return embed(self.student, *ranges(self._encoded, first, last, self.settings.max_tokens[kind]))
