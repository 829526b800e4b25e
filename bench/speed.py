"""Speed, memory and disk beside other libraries: the same texts, vectors and questions for all.

    python -m bench.speed [--passages 1000 10000 100000] [--questions 200] [--quick] [--archives DIR] [--out FILE]

Each leg is measured against its floor (plain tantivy, plain FAISS), the whole against whole systems, and what a user
waits for from outside. A library answers every question once to warm up; then the questions go round among the
libraries, so that whatever else the machine does meets all of them alike. What counts is the ratio: the process exits
with 1 where one is missed at 100,000 passages or more. Answers are given on one thread, building takes all cores.
With `--archives` 100,000 articles are built from files, made of those in the folder. `--keep` keeps the synthetic
indexes in a folder, and takes those that are there as they are.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from backissue.indexer import Indexer
from backissue.indexer.readers import read
from backissue.search.layout import IndexPaths
from backissue.search.snapshot import Snapshot
from backissue.search.store import Store
from bench import building, chart, corpus, engine, http, languages, outside, peers
from bench.corpus import Corpus
from bench.indexes import built
from bench.timing import Target, power, short

SEEDS = Path(__file__).parents[1] / "seeds" / "articles"
TARGETS_FROM = 100_000
ARTICLES_FROM_FILES = 100_000


class Report:
    """Prints what is told, and keeps it with the targets and with how things grow."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.targets: list[Target] = []
        self.growth: dict[str, list[tuple[float, float]]] = {}

    def take(self, told: Iterable[str | Target], passages: int = TARGETS_FROM) -> None:
        """What a measurement tells; of few passages no target is kept."""
        for one in told:
            if isinstance(one, str):
                print(one, flush=True)
                self.lines.append(one)
                continue
            if passages >= TARGETS_FROM:
                self.targets.append(one)
            if series := chart.GROWING.get(one.name):
                self.growth.setdefault(series, []).append((passages, one.measured))

    def summary(self) -> Iterator[str]:
        """The targets, and the power by which each cost grows."""
        yield from (
            "",
            "## Targets",
            "",
            "| what | measured | at most | |",
            "|---|---|---|---|",
            *map(str, self.targets),
        )
        if grown := {name: points for name, points in self.growth.items() if len(points) > 1}:
            sizes = sorted({passages for points in grown.values() for passages, _ in points})
            yield from ("", "## How cost grows", "", f"| | {' | '.join(f'{n:,.0f}' for n in sizes)} | power |")
            yield "|---|" + "---|" * (len(sizes) + 1)
            for name, points in grown.items():
                values = dict(points)
                cells = " | ".join(short(values[n]) if n in values else "–" for n in sizes)
                yield f"| {name} | {cells} | {power(points):.2f} |"


def of_size(given: Corpus, folder: Path, work: Path, *, legs: bool, quick: bool) -> Iterator[str | Target]:
    """All that is measured on a synthetic corpus, in a folder of its own; each leg by itself only where asked."""
    what = built(given, folder)
    yield from ("", f"### {len(given.texts):,} passages")
    yield from building.derived(what)
    with closing(Store.open(folder / "archive.db")) as store:
        snapshot = Snapshot.open(IndexPaths(folder), store)
        yield from ("", f"dense: {json.dumps(snapshot.manifest.dense)}")
        if legs:
            yield from engine.legs(snapshot, given, work)
        yield from engine.systems(snapshot, given, work, quick)
    yield from outside.opening(folder, given, work)


def of_languages(passages: int, questions: int, folder: Path) -> Iterator[str | Target]:
    """The translated question, in an archive of eight languages."""
    given = languages.make(passages, questions)
    built(given, folder)
    with closing(Store.open(folder / "archive.db")) as store:
        yield from engine.translated(Snapshot.open(IndexPaths(folder), store), given)


def of_seeds(folder: Path) -> Iterator[str | Target]:
    """Starting, on the small archive."""
    Indexer(folder).rebuild(read([SEEDS]))
    yield from outside.starting(folder)


def run(arguments: argparse.Namespace, report: Report, work: Path) -> None:
    """Takes one measurement after the other."""
    kept: Path = arguments.keep or work

    def wanted(name: str) -> bool:
        return not arguments.only or name in arguments.only

    for passages in arguments.passages:
        given = corpus.make(passages, arguments.questions)
        folder, own = kept / f"synthetic-{passages}", work / str(passages)
        folder.mkdir(parents=True, exist_ok=True)
        own.mkdir()
        if wanted("engine") or wanted("whole"):
            report.take(of_size(given, folder, own, legs=wanted("engine"), quick=arguments.quick), passages)
        if passages < TARGETS_FROM or arguments.quick:
            continue
        built(given, folder)
        if wanted("http"):
            report.take(http.load(folder, given), passages)
        if wanted("adding"):
            report.take(outside.adding(folder, given, own), passages)
    if arguments.quick:
        return
    if wanted("languages"):
        folder = kept / "languages"
        folder.mkdir(exist_ok=True)
        report.take(of_languages(TARGETS_FROM, arguments.questions, folder))
    if wanted("starting"):
        report.take(of_seeds(work / "seeds"))
    if arguments.archives and wanted("files"):
        report.take(building.from_files(arguments.archives, ARTICLES_FROM_FILES, work / "files"))


def main() -> None:
    """Measures and prints, and saves where asked; exits with 1 where a ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="ratios to rank_bm25, tantivy, FAISS and txtai alone")
    parser.add_argument(
        "--only", nargs="+", help="engine (or whole, without its legs), http, adding, languages, starting, files"
    )
    parser.add_argument("--archives", type=Path, help="a folder of real articles to build from")
    parser.add_argument("--keep", type=Path, help="a folder for the synthetic indexes")
    parser.add_argument("--out", type=Path, help="where to save the tables; the chart goes beside them")
    arguments = parser.parse_args()
    report = Report()
    own = [one for one in sys.argv[1:] if "/" not in one]
    report.take([f"`python -m bench.speed {shlex.join(own)}`", "", peers.versions()])
    with tempfile.TemporaryDirectory() as folder:
        run(arguments, report, Path(folder))
    report.take(report.summary())
    if arguments.out:
        arguments.out.write_text("\n".join(report.lines) + "\n", encoding="utf-8")
        if any(len(points) > 1 for points in report.growth.values()):
            chart.save(report.growth, arguments.out.with_suffix(".svg"))
    sys.exit(any(one.ratio and one.missed for one in report.targets))


if __name__ == "__main__":
    main()
