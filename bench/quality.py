"""Quality on public question sets, for each pair of question and passage language.

    python -m bench.quality --sets DIR [--only xquad …] [--sample 300] [--out bench/quality.md]

Each set's paragraphs are built into an index by the product itself, one passage a paragraph and without titles, and
asked through the product itself, so what is measured is what a user gets. Nothing is trained or tuned on these sets.
The measures are nDCG@10 and recall@100 (× 100) by ir-measures.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import R, nDCG

from backissue.indexer import Indexer
from backissue.search import Archive, Article

MODES: Mapping[str, Mapping[str, str]] = {
    "lexical": {"mode": "lexical", "rerank": "off"},
    "semantic": {"mode": "semantic", "rerank": "off"},
    "hybrid": {"mode": "hybrid", "rerank": "off"},
    "hybrid+rerank": {"mode": "hybrid", "rerank": "fast"},
}
MEASURES = (nDCG @ 10, R @ 100)
ONE_PASSAGE_WORDS = 2000
XQUAD_FOREIGN = ("de", "es", "ro", "ru", "tr", "zh", "ar")


@dataclass(frozen=True)
class Task:
    """Questions of one language asked of passages of one or several: `answers` maps a question to its passages."""

    name: str
    passages: Sequence[Article]
    questions: Mapping[str, str]
    answers: Mapping[str, Sequence[str]]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of an .xz file of JSON lines."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def xquad(folder: Path) -> Iterator[Task]:
    """XQuAD: English questions of other languages' paragraphs, and each language's own."""
    passages: dict[str, list[Article]] = {}
    for row in rows(folder / "paragraphs.jsonl.xz"):
        passages.setdefault(row["lang"], []).append(_article(row))
    questions: dict[str, dict[str, str]] = {}
    answers: dict[str, list[str]] = {}
    for row in rows(folder / "questions.jsonl.xz"):
        questions.setdefault(row["lang"], {})[row["qid"]] = row["question"]
        answers[row["qid"]] = [row["pid"]]
    for lang in XQUAD_FOREIGN:
        yield Task(f"xquad en→{lang}", passages[lang], questions["en"], answers)
    for lang in ("en", *XQUAD_FOREIGN):
        yield Task(f"xquad {lang}→{lang}", passages[lang], questions[lang], answers)
    langs = ("en", *XQUAD_FOREIGN)
    together = [Article(id=f"{lang}-{one.id}", text=one.text, lang=lang) for lang in langs for one in passages[lang]]
    all_answers = {qid: [f"{lang}-{pid}" for lang in langs for pid in some] for qid, some in answers.items()}
    yield Task("xquad en→all in one index", together, questions["en"], all_answers)


def one_language(folder: Path) -> Iterator[Task]:
    """A set of paragraphs and questions of one language."""
    passages = [_article(row) for row in rows(folder / "paragraphs.jsonl.xz")]
    asked = [row for row in rows(folder / "questions.jsonl.xz") if not row.get("impossible")]
    lang = passages[0].lang
    questions = {row["qid"]: row["question"] for row in asked}
    yield Task(f"{folder.name} {lang}→{lang}", passages, questions, {row["qid"]: [row["pid"]] for row in asked})


SETS = {
    "xquad": xquad,
    "poquad": one_language,
    "tquad_dev": one_language,
    "arcd_test": one_language,
    "drcd_test": one_language,
}


def measure(task: Task, sample: int | None) -> dict[str, dict[str, float]]:
    """nDCG@10 and recall@100, × 100, of each mode."""
    asked = sorted(task.questions)
    if sample is not None and sample < len(asked):
        asked = sorted(random.Random(0).sample(asked, sample))
    qrels = [ir_measures.Qrel(qid, pid, 1) for qid in asked for pid in task.answers[qid]]
    values: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder, target_words=ONE_PASSAGE_WORDS, overlap_sentences=0).rebuild(task.passages)
        with Archive.open(folder) as archive:
            for mode, options in MODES.items():
                run = list(_run(archive, {qid: task.questions[qid] for qid in asked}, options))
                found = ir_measures.calc_aggregate(MEASURES, qrels, run)
                values[mode] = {str(measure): 100 * found[measure] for measure in MEASURES}
    return values


def _run(archive: Archive, questions: Mapping[str, str], options: Mapping[str, str]) -> Iterator[ir_measures.ScoredDoc]:
    for qid, question in questions.items():
        results = archive.search(question, k=100, passages=1, answers=False, explain=False, **options)  # type: ignore[arg-type]
        for rank, hit in enumerate(results.hits):
            # The rank decides: scores of the passages that were not read closely may be equal.
            yield ir_measures.ScoredDoc(qid, hit.article.id, float(-rank))


def _article(row: Mapping[str, Any]) -> Article:
    return Article(id=row["pid"], text=row["text"], lang=row["lang"])


def table(results: Iterable[tuple[str, dict[str, dict[str, float]]]]) -> Iterator[str]:
    """The lines of a table in Markdown: nDCG@10 / R@100 of each mode."""
    yield "| set and languages | " + " | ".join(MODES) + " |"
    yield "|---|" + "---|" * len(MODES)
    for name, values in results:
        cells = [f"{values[mode]['nDCG@10']:.1f} / {values[mode]['R@100']:.1f}" for mode in MODES]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measures and prints, and saves the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True, help="the folder of evaluation sets")
    parser.add_argument("--only", nargs="*", choices=sorted(SETS), default=sorted(SETS))
    parser.add_argument("--match", default="", help="only tasks whose name holds this")
    parser.add_argument("--sample", type=int, help="so many questions of each set, drawn with a fixed seed")
    parser.add_argument("--out", type=Path, help="where to save the table")
    arguments = parser.parse_args()
    results = []
    for name in arguments.only:
        for task in SETS[name](arguments.sets / name):
            if arguments.match in task.name:
                results.append((task.name, measure(task, arguments.sample)))
                print(list(table(results[-1:]))[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(table(results)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
