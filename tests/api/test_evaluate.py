from __future__ import annotations

import math
from pathlib import Path

import pytest

from backissue.api.evaluate import (
    MEASURES,
    Asked,
    Question,
    ask,
    evaluate,
    lang_in,
    ranking,
    read_qrels,
    read_questions,
    trec_run,
)
from backissue.search.archive import Archive
from backissue.search.errors import ReadError
from backissue.search.types import ArticleRef, Hit

pytest.importorskip("ir_measures")

QUESTIONS = [
    Question("a", "en", "first"),
    Question("b", "en", "second"),
    Question("c", "pl", "third"),
    Question("u", "en", "unanswerable"),
    Question("v", "en", "unanswerable too"),
]
QRELS = {"a": {"pl1": 2, "en1": 1}, "b": {"en2": 1}, "c": {"gone": 1, "en1": 0, "pl1": 1}, "u": {"en1": 0}}
RUN = {"a": ["x", "en1", "pl1"], "b": ["x", "y"], "c": ["pl1"], "u": ["x"], "v": []}
LANGS = {"pl1": "pl", "en1": "en", "en2": "en"}
ASKED = Asked(RUN, frozenset({"b", "u"}), {"a": 1.0, "b": 2.0, "c": 3.0, "u": 4.0, "v": 5.0})

AT_2, AT_3 = 1 / math.log2(3), 1 / math.log2(4)


def test_measures_are_what_the_definitions_give() -> None:
    overall = evaluate(QUESTIONS, QRELS, ASKED, LANGS.get).overall
    ndcg_a = (1 * AT_2 + 2 * AT_3) / (2 * 1 + 1 * AT_2)
    ndcg_c = 1 / (1 + AT_2)
    assert overall.questions == 3
    assert overall.measures == pytest.approx(
        {
            "nDCG@10": (ndcg_a + 0 + ndcg_c) / 3,
            "R@100": (2 / 2 + 0 / 1 + 1 / 2) / 3,
            "RR": (1 / 2 + 0 + 1 / 1) / 3,
        }
    )


def test_a_pair_takes_what_is_relevant_in_other_languages_out_of_the_ranking() -> None:
    pairs = evaluate(QUESTIONS, QRELS, ASKED, LANGS.get).pairs
    assert list(pairs) == [("en", "en"), ("en", "pl"), ("pl", "pl")]
    # a: x, en1, pl1 → x, pl1, so that the Polish article stands second; x is relevant nowhere and stays.
    assert pairs["en", "pl"].measures == pytest.approx({"nDCG@10": AT_2, "R@100": 1.0, "RR": 1 / 2})
    assert pairs["en", "en"].measures == pytest.approx({"nDCG@10": (AT_2 + 0) / 2, "R@100": 1 / 2, "RR": 1 / 4})
    assert [means.questions for means in pairs.values()] == [2, 1, 1]


def test_only_the_first_ten_count_for_ndcg_and_the_first_hundred_for_recall() -> None:
    question = [Question("q", "en", "")]

    def measured(rank: int) -> dict[str, float]:
        run = {"q": [*(f"x{n}" for n in range(rank - 1)), "en1"]}
        asked = Asked(run, frozenset(), {"q": 1.0})
        return dict(evaluate(question, {"q": {"en1": 1}}, asked, LANGS.get).overall.measures)

    assert measured(10) == pytest.approx({"nDCG@10": 1 / math.log2(11), "R@100": 1, "RR": 1 / 10})
    assert measured(11) == pytest.approx({"nDCG@10": 0, "R@100": 1, "RR": 1 / 11})
    assert measured(101) == pytest.approx({"nDCG@10": 0, "R@100": 0, "RR": 1 / 101})


def test_unanswerable_questions_are_reported_apart() -> None:
    report = evaluate(QUESTIONS, QRELS, ASKED, LANGS.get)
    assert (report.unanswerable, report.recognised) == (2, 1)
    assert (report.answerable, report.refused) == (3, 1)
    assert report.absent == ("gone",)


def test_times() -> None:
    report = evaluate(QUESTIONS, QRELS, ASKED, LANGS.get)
    assert report.took_ms_p50 == 3.0
    assert report.took_ms_p99 == pytest.approx(4 + 0.96)


def test_nothing_answerable() -> None:
    report = evaluate([QUESTIONS[3]], {}, ASKED, LANGS.get)
    assert report.overall.questions == 0
    assert report.to_dict()["overall"] == {"questions": 0}


def test_a_copy_follows_the_article_that_it_is_a_copy_of() -> None:
    def hit(article_id: str, *copies: str) -> Hit:
        return Hit(ArticleRef(article_id, "", "en"), 1.0, None, (), tuple(ArticleRef(c, "", "en") for c in copies))

    hits = [hit("a", "a2", "a3"), hit("b"), hit("c", "a2")]
    assert ranking(hits, 100) == ["a", "a2", "a3", "b", "c"]
    assert ranking(hits, 2) == ["a", "a2"]


def test_a_run_file() -> None:
    assert trec_run({"q1": ["one", "the other"], "q2": []}, "tag") == (
        "q1 Q0 one 1 1.000000 tag\nq1 Q0 the%20other 2 0.500000 tag\n"
    )


def test_questions_and_qrels_of_files(tmp_path: Path) -> None:
    questions, qrels = tmp_path / "questions.jsonl", tmp_path / "qrels.txt"
    questions.write_text(
        '\ufeff{"qid": "q1", "lang": "pl", "question": "Co?"}\n\n{"qid": 2, "question": "Why?"}', "utf-8"
    )
    qrels.write_text("q1 0 a 1\nq1\t0\tb\t0\n2 0 c 3\n", "utf-8")
    assert read_questions(questions) == [Question("q1", "pl", "Co?"), Question("2", "und", "Why?")]
    assert read_qrels(qrels) == {"q1": {"a": 1, "b": 0}, "2": {"c": 3}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no question in it"),
        ("{", "line 1: not JSON"),
        ('{"qid": "a", "question": "x"}\n["a"]', "line 2: a question is"),
        ('{"qid": "a"}', "line 1: a question is"),
        ('{"qid": "a", "question": "x"}\n{"qid": "a", "question": "y"}', "line 2: the question a comes twice"),
    ],
)
def test_what_is_wrong_with_questions_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(ReadError, match=message):
        read_questions(path)


@pytest.mark.parametrize("line", ["q1 0 a", "q1 0 a b", "q1 0 a 1 2"])
def test_what_is_wrong_with_qrels_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "qrels.txt"
    path.write_text(f"q 0 x 1\n{line}\n", "utf-8")
    with pytest.raises(ReadError, match="line 2: a judgment is"):
        read_qrels(path)


def test_files_that_are_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"missing\.txt cannot be read: No such file"):
        read_qrels(tmp_path / "missing.txt")
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadError, match="it is not UTF-8"):
        read_questions(path)


def test_a_real_archive_is_asked(press: Archive) -> None:
    questions = [Question("kim", "en", "Kim Russia ammunition food satellites"), Question("rain", "pl", "powódź Odra")]
    told: list[tuple[str, int, int | None]] = []
    asked = ask(press, questions, k=3, progress=lambda *args: told.append(args))
    assert told == [("ask", 1, 2), ("ask", 2, 2)]
    assert all(len(ids) <= 3 for ids in asked.run.values())
    qrels = {"kim": {"pl/kim-1": 1, "en-putin": 1}, "rain": {"pl-odra": 2, "lost": 1}}
    report = evaluate(questions, qrels, asked, lang_in(press))
    assert set(report.pairs) == {("en", "en"), ("en", "pl"), ("pl", "pl")}
    assert report.pairs["pl", "pl"].measures == dict.fromkeys(MEASURES, 1.0)
    assert report.absent == ("lost",)
