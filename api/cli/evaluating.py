"""The verb that measures an archive with judged questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import DEFAULT_INDEX, IndexOption, JsonOption, QuietOption
from backissue.api.cli.progress import reporting
from backissue.api.cli.terminal import emit_json, say
from backissue.search.errors import InvalidArgumentError
from backissue.search.types import Mode

if TYPE_CHECKING:
    from backissue.api.evaluate import Means, Report


def evaluate(
    questions: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Questions, JSON lines.")
    ],
    qrels: Annotated[Path, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Judgments, TREC qrels.")],
    index: IndexOption = DEFAULT_INDEX,
    mode: Annotated[Mode, typer.Option(help="Search by words, by meaning, or by both.")] = Mode.HYBRID,
    rerank: Annotated[str, typer.Option(metavar="NAME", help="fast, deep, off, or a cross-encoder's name.")] = "fast",
    k: Annotated[int, typer.Option("--k", min=1, metavar="N", help="How many articles of each question.")] = 100,
    run: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what was found here, as a TREC run.")] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> int:
    """Measure the archive with judged questions.

    nDCG@10, recall@100 and MRR, for each pair of languages and overall.

    \b
    questions: {"qid": "q1", "lang": "en", "question": "…"}
    qrels:     q1 0 article-id 1
    Questions without a relevant article are unanswerable and reported apart.
    """
    from backissue.api import evaluate as evaluation
    from backissue.search.archive import Archive

    evaluation.require_measures()
    asked_questions, judgments = evaluation.read_questions(questions), evaluation.read_qrels(qrels)
    with Archive.open(index) as archive:
        with reporting(quiet) as progress:
            asked = evaluation.ask(archive, asked_questions, mode=mode, rerank=rerank, k=k, progress=progress)
        report = evaluation.evaluate(asked_questions, judgments, asked, evaluation.lang_in(archive))
    if run:
        _write(run, evaluation.trec_run(asked.run, f"backissue-{mode}-{rerank.replace('/', '_')}"))
    if json:
        emit_json(report.to_dict())
    else:
        for line in report_lines(report):
            say(line)
    return Exit.DONE


def report_lines(report: Report) -> Iterator[str]:
    """The report as a table."""
    yield f"{'languages':<12}{'questions':>10}{'nDCG@10':>10}{'R@100':>10}{'MRR':>10}"
    for (asked_in, written_in), means in report.pairs.items():
        yield _row(f"{asked_in} → {written_in}", means)
    yield _row("all", report.overall)
    yield ""
    yield f"no good answer: right for {report.recognised} of {report.unanswerable} unanswerable questions,"
    yield f"                wrong for {report.refused} of {report.answerable} answerable ones"
    if report.absent:
        yield f"relevant articles that the archive does not hold: {len(report.absent)}"
    yield f"search time: p50 {report.took_ms_p50:.1f} ms, p99 {report.took_ms_p99:.1f} ms"


def _row(label: str, means: Means) -> str:
    values = (f"{value:>10.3f}" for value in means.measures.values())
    return f"{label:<12}{means.questions:>10}" + "".join(values)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"The run cannot be written to {path}: {error.strerror}.") from None
