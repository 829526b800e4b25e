"""Quality on public question sets, for each pair of question and passage language.

    python -m bench.quality --sets DIR [--only xquad …] [--sample 300] [--out bench/quality.md]

Each set's paragraphs are built into an index by the product itself, one passage a paragraph and without titles, and
asked through the product itself, so what is measured is what a user gets. Nothing is trained or tuned on these sets.
The measures are nDCG@10 and recall@100 (× 100) by ir-measures. Where a set tells the answer's words, *sentence* is how
often the sentence that is marked in the right paragraph holds them. Of sets of sentences and their translations it is
how often the translation is the nearest sentence by the embedder alone, and how often the product's first hit.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import R, nDCG
from rank_bm25 import BM25Okapi

from backissue.indexer import Indexer
from backissue.search import Archive, Article
from backissue.search.embedding import load_embedder

PLAIN = "plain BM25"
"""BM25 of rank_bm25 over words in lower case, without stems: what is had without any of this project."""
MODES: Mapping[str, Mapping[str, Any]] = {
    "words as they are": {"mode": "lexical", "rerank": "off", "translate": False},
    "lexical": {"mode": "lexical", "rerank": "off"},
    "semantic": {"mode": "semantic", "rerank": "off"},
    "hybrid": {"mode": "hybrid", "rerank": "off"},
    "hybrid+rerank": {"mode": "hybrid", "rerank": "fast"},
}
LEGS = ("words as they are", "lexical", "semantic")
DEEP = "hybrid+deep"
MEASURES = (nDCG @ 10, R @ 100)
ONE_PASSAGE_WORDS = 2000
XQUAD_FOREIGN = ("de", "es", "ro", "ru", "tr", "zh", "ar")
BEST = "hybrid+rerank"
FUSED = ("hybrid", BEST)
_SYNTAX = re.compile(r'["„“”«»:]|(?<!\S)-')
"""What in a sentence would be read as a phrase, a filter or an exclusion."""
POQUAD_ENGLISH = Path(__file__).with_name("poquad_english.tsv")
SENTENCE_FILES = (
    *(f"tatoeba_laser_v1/{lang}-en" for lang in ("cs", "de", "fr", "it", "ja", "ko", "pl", "ru", "uk", "zh")),
    *(f"wmt_newstest/newstest2020.{pair}" for pair in ("pl-en", "de-en", "ru-en", "zh-en", "ja-en")),
    "wmt_newstest/newstest2019.en-cs",
)


@dataclass(frozen=True)
class Task:
    """Questions of one language asked of passages of one or several.

    `answers` maps a question to its passages, `words` to how the answer stands in them, where the set tells.
    """

    name: str
    passages: Sequence[Article]
    questions: Mapping[str, str]
    answers: Mapping[str, Sequence[str]]
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """nDCG@10 and recall@100, × 100, of each mode; the shares of right sentences, and of languages in the best."""

    modes: Mapping[str, Mapping[str, float]]
    sentences: Mapping[str, float]
    langs: Mapping[str, float]


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
    words: dict[str, dict[str, str]] = {}
    answers: dict[str, list[str]] = {}
    for row in rows(folder / "questions.jsonl.xz"):
        questions.setdefault(row["lang"], {})[row["qid"]] = row["question"]
        words.setdefault(row["lang"], {})[row["qid"]] = row["answer"]
        answers[row["qid"]] = [row["pid"]]
    for lang in XQUAD_FOREIGN:
        yield Task(f"xquad en→{lang}", passages[lang], questions["en"], answers, words[lang])
    for lang in ("en", *XQUAD_FOREIGN):
        yield Task(f"xquad {lang}→{lang}", passages[lang], questions[lang], answers, words[lang])
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


def poquad(folder: Path) -> Iterator[Task]:
    """PoQuAD in Polish; and 300 of its questions in English, beside the same ones in Polish."""
    for task in one_language(folder):
        yield task
        lines = POQUAD_ENGLISH.read_text(encoding="utf-8").splitlines()[1:]
        english = dict(line.split("\t") for line in lines)
        polish = {qid: task.questions[qid] for qid in english}
        yield Task("poquad en→pl", task.passages, english, task.answers)
        yield Task("poquad pl→pl, the same questions", task.passages, polish, task.answers)


SETS = {
    "xquad": xquad,
    "poquad": poquad,
    "tquad_dev": one_language,
    "arcd_test": one_language,
    "drcd_test": one_language,
}


def measure(task: Task, sample: int | None, modes: Mapping[str, Mapping[str, Any]]) -> Measured:
    """What each mode finds."""
    asked = sorted(task.questions)
    if sample is not None and sample < len(asked):
        asked = sorted(random.Random(0).sample(asked, sample))
    qrels = [ir_measures.Qrel(qid, pid, 1) for qid in asked for pid in task.answers[qid]]
    values: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder, target_words=ONE_PASSAGE_WORDS, overlap_sentences=0).rebuild(task.passages)
        with Archive.open(folder) as archive:
            for mode, options in modes.items():
                run = list(_run(archive, {qid: task.questions[qid] for qid in asked}, options))
                found = ir_measures.calc_aggregate(MEASURES, qrels, run)
                values[mode] = {str(measure): 100 * found[measure] for measure in MEASURES}
            plain = ir_measures.calc_aggregate(MEASURES, qrels, _plain_run(task, asked))
            values[PLAIN] = {str(measure): 100 * plain[measure] for measure in MEASURES}
            marking = [mode for mode in (BEST, DEEP) if task.words and mode in modes]
            sentences = {mode: _sentences(archive, task, asked, modes[mode]) for mode in marking}
            return Measured(values, sentences, _langs(archive, task, asked))


def _run(archive: Archive, questions: Mapping[str, str], options: Mapping[str, Any]) -> Iterator[ir_measures.ScoredDoc]:
    for qid, question in questions.items():
        results = archive.search(question, k=100, passages=1, answers=False, explain=False, **options)
        for rank, hit in enumerate(results.hits):
            # The rank decides: scores of the passages that were not read closely may be equal.
            yield ir_measures.ScoredDoc(qid, hit.article.id, float(-rank))


def _plain_run(task: Task, asked: Sequence[str]) -> Iterator[ir_measures.ScoredDoc]:
    index = BM25Okapi([_plain_words(one.text) for one in task.passages])
    for qid in asked:
        scores = index.get_scores(_plain_words(task.questions[qid]))
        for place in np.argsort(-scores, kind="stable")[:100].tolist():
            if scores[place] > 0:
                yield ir_measures.ScoredDoc(qid, task.passages[place].id, float(scores[place]))


def _plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _sentences(archive: Archive, task: Task, asked: Sequence[str], options: Mapping[str, Any]) -> float:
    """How often, × 100, the sentence marked in a right paragraph among the first ten holds the answer."""
    right = [
        task.words[qid] in hit.answer.text
        for qid in asked
        for hit in archive.search(task.questions[qid], passages=1, explain=False, **options).hits
        if hit.article.id in task.answers[qid] and hit.answer is not None
    ]
    return 100 * float(np.mean(right)) if right else 0.0


def _langs(archive: Archive, task: Task, asked: Sequence[str]) -> dict[str, float]:
    """The share, × 100, of each language among the first ten, where paragraphs are of several."""
    if len({one.lang for one in task.passages}) < 2:
        return {}
    counts = Counter(hit.article.lang for qid in asked for hit in archive.search(task.questions[qid]).hits)
    return {lang: 100 * count / counts.total() for lang, count in counts.most_common()}


def translations(folder: Path) -> Iterator[str]:
    """The lines of a table: how often, × 100, a sentence's translation is the one of all that is nearest to it by their
    vectors, and how often the first hit of the sentence as a question; both ways round.
    """
    embedder = load_embedder()
    yield "| sentences | translation nearest | " + " | ".join(f"first hit, {mode}" for mode in FUSED) + " |"
    yield "|---|---|" + "---|" * len(FUSED)
    for name in SENTENCE_FILES:
        with lzma.open(folder / f"{name}.tsv.xz", "rt", encoding="utf-8", newline="\n") as lines:
            left, right = zip(*(line.rstrip("\n").split("\t") for line in lines), strict=True)
        scores, wanted = embedder.embed_passages(left) @ embedder.embed_passages(right).T, np.arange(len(left))
        nearest = (scores.argmax(axis=1) == wanted).mean() + (scores.argmax(axis=0) == wanted).mean()
        of_left, of_right = re.split(r"[./]", name)[-1].split("-")
        first = zip(_first_hits(left, right, of_right), _first_hits(right, left, of_left), strict=True)
        yield f"| {name} | {50 * nearest:.1f} | " + " | ".join(f"{50 * sum(shares):.1f}" for shares in first) + " |"


def _first_hits(asked: Sequence[str], sentences: Sequence[str], lang: str) -> Iterator[float]:
    """How often, in each of the modes that fuse, the first hit of a sentence is the one that has its number."""
    with tempfile.TemporaryDirectory() as folder:
        articles = (Article(id=str(number), text=text, lang=lang) for number, text in enumerate(sentences))
        Indexer(folder, target_words=ONE_PASSAGE_WORDS, overlap_sentences=0).rebuild(articles)
        with Archive.open(folder) as archive:
            for mode in FUSED:
                options = {"k": 1, "passages": 1, "answers": False, "explain": False, **MODES[mode]}
                found = [archive.search(_SYNTAX.sub(" ", text), **options).hits for text in asked]
                yield float(np.mean([bool(hits) and hits[0].article.id == str(n) for n, hits in enumerate(found)]))


def _article(row: Mapping[str, Any]) -> Article:
    return Article(id=row["pid"], text=row["text"], lang=row["lang"])


def table(results: Iterable[tuple[str, Measured]]) -> Iterator[str]:
    """The lines of a table in Markdown: nDCG@10 / R@100 of each mode, and right sentences."""
    results = list(results)
    columns = [PLAIN, *(mode for mode in results[0][1].modes if mode != PLAIN)]
    marking = [mode for mode in (BEST, DEEP) if mode in columns]
    yield "| set and languages | " + " | ".join([*columns, *(f"sentence, {mode}" for mode in marking)]) + " |"
    yield "|---|" + "---|" * (len(columns) + len(marking))
    for name, found in results:
        cells = [f"{found.modes[mode]['nDCG@10']:.1f} / {found.modes[mode]['R@100']:.1f}" for mode in columns]
        cells += [f"{found.sentences[mode]:.1f}" if mode in found.sentences else "" for mode in marking]
        yield f"| {name} | " + " | ".join(cells) + " |"


def notes(results: Iterable[tuple[str, Measured]]) -> Iterator[str]:
    """What a table does not show: on which pairs hybrid lies under its best leg, and the bias between languages."""
    for name, found in results:
        best_leg = max(found.modes[mode]["nDCG@10"] for mode in LEGS)
        if (loss := best_leg - found.modes[BEST]["nDCG@10"]) > 0.5:
            yield f"{name}: {BEST} lies {loss:.1f} points under the best leg."
        if found.langs:
            shares = ", ".join(f"{lang} {share:.1f}" for lang, share in found.langs.items())
            yield f"{name}: languages of the first ten, %: {shares}."


def main() -> None:
    """Measures and prints, and saves the tables where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True, help="the folder of evaluation sets")
    parser.add_argument("--only", nargs="*", choices=[*sorted(SETS), "sentences"], default=[*sorted(SETS), "sentences"])
    parser.add_argument("--match", default="", help="only tasks whose name holds this")
    parser.add_argument("--sample", type=int, help="so many questions of each set, drawn with a fixed seed")
    parser.add_argument("--out", type=Path, help="where to save the tables")
    parser.add_argument("--deep", action="store_true", help="measure the deep reranker beside the others")
    arguments = parser.parse_args()
    modes = dict(MODES)
    if arguments.deep:
        modes[DEEP] = {"mode": "hybrid", "rerank": "deep"}
    results: list[tuple[str, Measured]] = []
    for name in arguments.only:
        for task in SETS[name](arguments.sets / name) if name in SETS else ():
            if arguments.match in task.name:
                results.append((task.name, measure(task, arguments.sample, modes)))
                print(list(table(results[-1:]))[-1], flush=True)
    lines = [*table(results), "", *notes(results), ""] if results else []
    if "sentences" in arguments.only:
        lines += translations(arguments.sets)
    print("\n".join(lines))
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
