"""Questions of our own on archives of real news: what building costs, what is found, how fast.

    python -m bench.archives --archives DIR [--questions bench/archive_questions.jsonl] [--index DIR] [--out FILE]

All archives of the folder are built into one index by the product itself, and asked through the product itself. The
questions were written and judged by reading the articles, before any was asked, and name the articles and sentences
that answer by id and offsets: the articles themselves are not part of the project. Nothing is trained or tuned on them.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from backissue.indexer import Indexer
from backissue.indexer.readers import Problem, read
from backissue.search import Archive, Article, deep
from backissue.search.errors import ArticleNotFoundError, IndexNotFoundError
from backissue.search.types import Hit

MODES: Mapping[str, Mapping[str, str]] = {
    "lexical": {"mode": "lexical", "rerank": "off"},
    "semantic": {"mode": "semantic", "rerank": "off"},
    "hybrid": {"mode": "hybrid", "rerank": "off"},
    "hybrid+rerank": {"mode": "hybrid", "rerank": "fast"},
    "hybrid+deep": {"mode": "hybrid", "rerank": "deep"},
}
COLUMNS = (
    *("languages", "mode", "questions", "first", "top 3", "top 10", "MRR"),
    *("sentence", "no_good_answer", "p50 ms", "p99 ms"),
)
SHOWN = 10
DEEPEST = 100
WARM_UP = "weather"


class Judged(NamedTuple):
    """A sentence that answers, where it stands in the stored text, and the CRC-32 of its UTF-8."""

    start: int
    end: int
    crc32: int


@dataclass(frozen=True)
class Question:
    """A question and the sentences that answer it by the id of their article."""

    qid: str
    lang: str
    text: str
    answers: Mapping[str, Sequence[Judged]]


@dataclass(frozen=True)
class Outcome:
    """What one question got. `rank` is that of the first answering article, None beyond the deepest that was looked at.

    `sentence` says whether the sentence shown for it overlaps a judged one, and `first` is what stood at rank 1.
    """

    question: Question
    pair: str
    rank: int | None
    sentence: bool
    first: Hit | None
    no_good_answer: bool
    seconds: float


def questions_of(path: Path) -> Iterator[Question]:
    """The questions of a file of JSON lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        answers: dict[str, list[Judged]] = {}
        for answer in row["answers"]:
            sentence = Judged(answer["start"], answer["end"], answer["crc32"])
            answers.setdefault(answer["article"], []).append(sentence)
        yield Question(row["qid"], row["lang"], row["question"], answers)


def files_of(folder: Path) -> list[Path]:
    """The files of the archives, without the notes that lie beside them."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.stem.startswith("README"))


class Counted:
    """Articles and problems on their way into the index; `text_bytes` is what titles and texts take in UTF-8."""

    def __init__(self, articles: Iterable[Article | Problem]) -> None:
        self._articles = articles
        self.text_bytes = 0

    def __iter__(self) -> Iterator[Article | Problem]:
        for article in self._articles:
            if isinstance(article, Article):
                self.text_bytes += len(article.title.encode()) + len(article.text.encode())
            yield article


def build(archives: Path, index: Path) -> Iterator[str]:
    """Builds one index of all archives and tells what it cost.

    Raises:
        SystemExit: there are no articles.
    """
    articles = Counted(read(files_of(archives)))
    summary = Indexer(index).rebuild(articles)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if not summary.passages:
        raise SystemExit(f"There are no articles in {archives}.")
    with Archive.open(index) as archive:
        stored_bytes: dict[str, int] = archive.stats()["bytes"]
    total_bytes = sum(stored_bytes.values())
    beside_text_bytes = (total_bytes - articles.text_bytes) / summary.passages
    yield f"built in {summary.seconds:.1f} s: {summary.added:,} articles, {summary.skipped} skipped"
    yield f"{summary.added / summary.seconds:,.0f} articles/s, {summary.words / summary.seconds:,.0f} words/s"
    yield f"{summary.passages:,} passages, {summary.passages / summary.seconds:,.0f} passages/s"
    yield (
        f"{total_bytes / 1e6:.0f} MB on disk ({', '.join(f'{k} {v / 1e6:.0f}' for k, v in stored_bytes.items())}), "
        f"{beside_text_bytes:,.0f} bytes a passage without titles and texts"
    )
    yield f"peak memory of the build {peak_bytes / 1e6:,.0f} MB"


def held(archive: Archive, question: Question) -> list[Article]:
    """The articles that answer, as far as the archive holds them."""
    articles = []
    for article_id in question.answers:
        with suppress(ArticleNotFoundError):
            articles.append(archive.article(article_id))
    return articles


def objections(question: Question, articles: Sequence[Article]) -> Iterator[str]:
    """What to say of a question when these are the articles held that answer it; nothing where all is as judged."""
    missing = ", ".join(sorted(question.answers.keys() - {article.id for article in articles}))
    if not articles:
        yield f"{question.qid} is not asked: the archive holds none of {missing}"
    elif missing:
        yield f"{question.qid} is asked without {missing}, which the archive does not hold"
    for article in articles:
        sentences = question.answers[article.id]
        if any(crc32(article.text[one.start : one.end].encode()) != one.crc32 for one in sentences):
            yield f"{question.qid}: a sentence of {article.id} is not where it was judged, as its text has changed"


def pair_of(question: Question, articles: Sequence[Article]) -> str:
    """The languages of the question and of what answers it, as en→pl."""
    return f"{question.lang}→{'+'.join(sorted({article.lang for article in articles}))}"


def ask(archive: Archive, question: Question, pair: str, options: Mapping[str, str]) -> Outcome:
    """Asks as a user does, and looks deeper only to tell where an answer that is not shown stands."""
    started = time.perf_counter()
    results = archive.search(question.text, k=SHOWN, **options)  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    hits = results.hits
    rank = rank_of(hits, question)
    if rank is None:
        hits = archive.search(question.text, k=DEEPEST, **options).hits  # type: ignore[arg-type]
        rank = rank_of(hits, question)
    sentence = rank is not None and answers(hits[rank - 1], question)
    first = results.hits[0] if results.hits else None
    return Outcome(question, pair, rank, sentence, first, results.no_good_answer, seconds)


def rank_of(hits: Sequence[Hit], question: Question) -> int | None:
    """The rank of the first hit that answers, itself or as the copy of one that does."""
    for rank, hit in enumerate(hits, 1):
        if any(ref.id in question.answers for ref in (hit.article, *hit.copies)):
            return rank
    return None


def answers(hit: Hit, question: Question) -> bool:
    """Whether the sentence shown for an article overlaps one that was judged to answer."""
    if hit.answer is None:
        return False
    sentences = question.answers.get(hit.article.id, ())
    return any(hit.answer.start < one.end and one.start < hit.answer.end for one in sentences)


def table(outcomes: Mapping[str, Sequence[Outcome]]) -> Iterator[str]:
    """The lines of a table in Markdown: for each pair of languages and mode, shares in % and milliseconds."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    pairs = list(dict.fromkeys(outcome.pair for some in outcomes.values() for outcome in some))
    for pair in (*pairs, "all"):
        for mode, some in outcomes.items():
            those = [outcome for outcome in some if pair in ("all", outcome.pair)]
            yield f"| {pair} | {mode} | {len(those)} | " + " | ".join(_cells(those)) + " |"


def _cells(outcomes: Sequence[Outcome]) -> Iterator[str]:
    ranks = [outcome.rank or DEEPEST + 1 for outcome in outcomes]
    for deepest in (1, 3, SHOWN):
        yield f"{100 * np.mean([rank <= deepest for rank in ranks]):.1f}"
    yield f"{np.mean([1 / rank if rank <= DEEPEST else 0.0 for rank in ranks]):.3f}"
    shown = [outcome.sentence for outcome in outcomes if (outcome.rank or DEEPEST) <= SHOWN]
    yield f"{100 * np.mean(shown):.1f}" if shown else "–"
    yield f"{100 * np.mean([outcome.no_good_answer for outcome in outcomes]):.1f}"
    for percentile in (50, 99):
        yield f"{1000 * np.percentile([outcome.seconds for outcome in outcomes], percentile):.1f}"


def misses(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """A line for each question whose answer does not stand first, is not the sentence shown, or is doubted."""
    for outcome in outcomes:
        question = outcome.question
        faults = []
        if outcome.rank != 1:
            first = f", first is {outcome.first.article.id}" if outcome.first else ", nothing found"
            faults.append(f"rank {outcome.rank or f'beyond {DEEPEST}'}{first}")
        elif not outcome.sentence:
            faults.append(f"another sentence of {outcome.first.article.id if outcome.first else ''}")
        if outcome.no_good_answer:
            faults.append("no_good_answer")
        if faults:
            yield f"- {question.qid} {question.text}: {'; '.join(faults)} (answers: {', '.join(question.answers)})"


def report(archive: Archive, questions: Sequence[Question]) -> Iterator[str]:
    """Asks in all modes what the archive can answer, and tells what it cannot."""
    held_of = {question.qid: held(archive, question) for question in questions}
    for question in questions:
        yield from objections(question, held_of[question.qid])
    asked = [(question, pair_of(question, some)) for question in questions if (some := held_of[question.qid])]
    if not asked:
        yield "No question can be asked: these are not the archives that the questions are about."
        return
    outcomes = {}
    for mode, options in MODES.items():
        if options["rerank"] == "deep" and not deep.is_available():
            continue
        archive.search(WARM_UP, **options)  # type: ignore[arg-type]
        outcomes[mode] = [ask(archive, question, pair, options) for question, pair in asked]
    model = archive.stats()["model"]
    yield f"model {model['id']} {model['hash'][:19]}"
    yield from ("", *table(outcomes))
    for mode in ("hybrid+rerank", "hybrid+deep"):
        if mode in outcomes:
            yield from ("", f"{mode}, not as it should be:", *misses(outcomes[mode]))


def run(archives: Path, index: Path, questions: Sequence[Question]) -> Iterator[str]:
    """Builds the index where there is none yet, and asks."""
    try:
        Archive.open(index).close()
    except IndexNotFoundError:
        yield from build(archives, index)
    with Archive.open(index) as archive:
        yield from report(archive, questions)


def main() -> None:
    """Measures and prints, and saves what was printed where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=Path, required=True, help="the folder of archives")
    parser.add_argument("--questions", type=Path, default=Path(__file__).with_name("archive_questions.jsonl"))
    parser.add_argument("--index", type=Path, help="where the index is kept; used as it is where there is one")
    parser.add_argument("--out", type=Path, help="where to save the report")
    arguments = parser.parse_args()
    questions = list(questions_of(arguments.questions))
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for line in run(arguments.archives, arguments.index or Path(folder) / "index", questions):
            print(line, flush=True)
            lines.append(line)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
