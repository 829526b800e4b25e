"""Evaluation: ask an archive judged questions and measure what it finds.

    questions  {"qid": "q1", "lang": "en", "question": "what does North Korea get"}    one JSON object a line
    qrels      q1 0 article-17 1                                                       TREC, one judgment a line

nDCG (Järvelin & Kekäläinen 2002, gain = grade, discount log2(rank + 1)), recall and the reciprocal rank of the first
relevant article are computed by ir-measures. A question whose relevant articles are not found counts 0 in each mean.
A question without a relevant article is unanswerable: it is left out of the means, and counts towards how often
`no_good_answer` was right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from backissue.search.archive import Archive
from backissue.search.errors import ArticleNotFoundError, MissingExtraError, ReadError
from backissue.search.types import UNKNOWN_LANG, Filter, Hit

MEASURES = ("nDCG@10", "R@100", "RR")
"""In the notation of ir-measures."""

Qrels = Mapping[str, Mapping[str, int]]
"""Question id → article id → grade; above 0 is relevant."""

Run = Mapping[str, Sequence[str]]
"""Question id → article ids, best first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of an evaluation set."""

    qid: str
    lang: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an archive answered: its run, which questions it had no good answer to, and how long each took."""

    run: Run
    no_good_answer: frozenset[str]
    took_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Means:
    """The mean of each measure over a number of questions."""

    questions: int
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation.

    `pairs` are by (language of the question, language of the relevant article): what is relevant in other languages
    is taken out of the ranking, neither helping nor hindering. `refused` are answerable questions that were said to
    have no good answer, `recognised` unanswerable ones; `absent` are relevant articles that the archive does not hold.
    """

    overall: Means
    pairs: Mapping[tuple[str, str], Means]
    answerable: int
    refused: int
    unanswerable: int
    recognised: int
    absent: tuple[str, ...]
    took_ms_p50: float
    took_ms_p99: float

    def to_dict(self) -> dict[str, Any]:
        """The object that `backissue eval --json` gives."""
        return {
            "overall": _means_to_dict(self.overall),
            "pairs": {f"{question}-{article}": _means_to_dict(m) for (question, article), m in self.pairs.items()},
            "no_good_answer": {
                "unanswerable": {"questions": self.unanswerable, "recognised": self.recognised},
                "answerable": {"questions": self.answerable, "refused": self.refused},
            },
            "absent": list(self.absent),
            "took_ms": {"p50": round(self.took_ms_p50, 2), "p99": round(self.took_ms_p99, 2)},
        }


def read_questions(path: Path) -> list[Question]:
    """The questions of a file of JSON lines with `qid`, `question` and, where it is known, `lang`.

    Raises:
        ReadError: the file cannot be read, a line is not such an object, a qid comes twice, or there is none.
    """
    questions: dict[str, Question] = {}
    for number, line in _lines(path):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ReadError(f"{path}, line {number}: not JSON ({error}).") from None
        if not isinstance(record, dict) or not record.get("qid") or not isinstance(record.get("question"), str):
            raise ReadError(f'{path}, line {number}: a question is {{"qid": …, "lang": …, "question": …}}.')
        question = Question(str(record["qid"]), str(record.get("lang") or UNKNOWN_LANG), record["question"])
        if question.qid in questions:
            raise ReadError(f"{path}, line {number}: the question {question.qid} comes twice.")
        questions[question.qid] = question
    if not questions:
        raise ReadError(f"{path}: no question in it.")
    return list(questions.values())


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """The judgments of a TREC qrels file: `qid 0 docid grade` a line.

    Raises:
        ReadError: the file cannot be read, or a line is none.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        parts = line.split()
        try:
            qid, _, article_id, grade = parts
            qrels.setdefault(qid, {})[article_id] = int(grade)
        except ValueError:
            raise ReadError(
                f"{path}, line {number}: a judgment is `qid 0 docid grade`, not {line.strip()!r}."
            ) from None
    return qrels


def ask(
    archive: Archive,
    questions: Sequence[Question],
    *,
    mode: str = "hybrid",
    rerank: str = "fast",
    k: int = 100,
    filter: Filter | None = None,  # noqa: A002
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Asked:
    """Ask each question for its `k` best articles. A copy stands in the run right after the article it is a copy of."""
    run: dict[str, list[str]] = {}
    refused: set[str] = set()
    took_ms: dict[str, float] = {}
    for done, question in enumerate(questions, 1):
        results = archive.search(
            question.text, k=k, mode=mode, rerank=rerank, filter=filter, passages=1, answers=False, explain=False
        )
        run[question.qid] = ranking(results.hits, k)
        took_ms[question.qid] = results.took_ms
        if results.no_good_answer:
            refused.add(question.qid)
        if progress:
            progress("ask", done, len(questions))
    return Asked(run, frozenset(refused), took_ms)


def ranking(hits: Iterable[Hit], k: int) -> list[str]:
    """Article ids in the order of hits, with the copies of each, at most `k`."""
    ids = (ref.id for hit in hits for ref in (hit.article, *hit.copies))
    return list(dict.fromkeys(ids))[:k]


def evaluate(questions: Sequence[Question], qrels: Qrels, asked: Asked, lang_of: Callable[[str], str | None]) -> Report:
    """Measure a run; `lang_of` gives the language of an article by its id, or None where there is none.

    Raises:
        MissingExtraError: ir-measures is not installed.
    """
    relevant = {q.qid: {a: g for a, g in qrels.get(q.qid, {}).items() if g > 0} for q in questions}
    answerable = [q for q in questions if relevant[q.qid]]
    unanswerable = [q for q in questions if not relevant[q.qid]]
    langs = {article: lang_of(article) for judged in relevant.values() for article in judged}
    pairs = sorted({(q.lang, langs[a] or UNKNOWN_LANG) for q in answerable for a in relevant[q.qid] if langs[a]})
    times = sorted(asked.took_ms.values()) or [0.0]
    percentiles = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return Report(
        overall=_measure({q.qid: relevant[q.qid] for q in answerable}, asked.run),
        pairs={pair: _measure_pair(pair, answerable, relevant, asked.run, langs) for pair in pairs},
        answerable=len(answerable),
        refused=sum(q.qid in asked.no_good_answer for q in answerable),
        unanswerable=len(unanswerable),
        recognised=sum(q.qid in asked.no_good_answer for q in unanswerable),
        absent=tuple(sorted(article for article, lang in langs.items() if lang is None)),
        took_ms_p50=percentiles[49],
        took_ms_p99=percentiles[98],
    )


def lang_in(archive: Archive) -> Callable[[str], str | None]:
    """A `lang_of` that looks into an archive."""

    def lang_of(article_id: str) -> str | None:
        try:
            return archive.article(article_id).lang
        except ArticleNotFoundError:
            return None

    return lang_of


def trec_run(run: Run, tag: str) -> str:
    """A run in TREC's format. The score is 1 / rank, so that sorting by score gives the order that was shown."""
    return "".join(
        f"{'%20'.join(qid.split())} Q0 {'%20'.join(article_id.split())} {rank} {1 / rank:.6f} {tag}\n"
        for qid, article_ids in run.items()
        for rank, article_id in enumerate(article_ids, 1)
    )


def require_measures() -> None:
    """Check that ir-measures is there, before time is spent on asking.

    Raises:
        MissingExtraError: it is not.
    """
    try:
        import ir_measures  # noqa: F401
    except ImportError:
        raise MissingExtraError("Evaluation needs ir-measures. Run: pip install 'backissue[eval]'") from None


def _measure_pair(
    pair: tuple[str, str], questions: Sequence[Question], relevant: Qrels, run: Run, langs: Mapping[str, str | None]
) -> Means:
    asked_in, written_in = pair
    wanted, shown = {}, {}
    for question in questions:
        here = {a: grade for a, grade in relevant[question.qid].items() if langs[a] == written_in}
        if question.lang == asked_in and here:
            elsewhere = relevant[question.qid].keys() - here.keys()
            wanted[question.qid] = here
            shown[question.qid] = [a for a in run.get(question.qid, ()) if a not in elsewhere]
    return _measure(wanted, shown)


def _measure(qrels: Qrels, run: Run) -> Means:
    """Means over the questions of `qrels`."""
    if not qrels:
        return Means(0, {})
    require_measures()
    import ir_measures

    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    scored = {qid: {a: 1 / rank for rank, a in enumerate(run.get(qid, ()), 1)} for qid in qrels}
    judged = {qid: dict(grades) for qid, grades in qrels.items()}
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(qrels, 0.0) for name in MEASURES}
    for metric in ir_measures.iter_calc(measures, judged, scored):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return Means(len(qrels), {name: fmean(by_question.values()) for name, by_question in values.items()})


def _means_to_dict(means: Means) -> dict[str, Any]:
    return {"questions": means.questions} | {name: round(value, 4) for name, value in means.measures.items()}


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ReadError(f"{path} cannot be read: {reason}.") from None
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
