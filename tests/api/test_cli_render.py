from __future__ import annotations

from typing import Any

from backissue.api.cli.render import article_lines, results_lines, why_line
from backissue.api.cli.terminal import styled
from backissue.search.types import Answer, Article, ArticleRef, FacetValue, Hit, PassageHit, Results

TEXT = "Kim came home. He got food, oil and help with satellites. More will follow."
ANSWER = "He got food, oil and help with satellites."
EXPLAIN = {
    "lexical": {"rank": 3, "score": 4.1},
    "semantic": {"abstained": "no vectors"},
    "fusion": {"rank": 1, "score": 0.9},
    "rerank": {"by": "fast", "log_odds": 1.2},
}


def _hit(text: str = TEXT, title: str = "Kim returns", **changes: Any) -> Hit:
    start = text.find(ANSWER)
    answer = Answer(ANSWER, 100 + start, 100 + start + len(ANSWER)) if start >= 0 else None
    oil = text.find("oil")
    highlights = ((100 + oil, 100 + oil + 3),) if oil >= 0 else ()
    values = {
        "article": ArticleRef("kim-1", title, "pl", source="Kurier", published="2023-09-18T10:00:00Z"),
        "score": 0.873,
        "answer": answer,
        "passages": (PassageHit(text, 100, 100 + len(text), 0.9, highlights),),
        "copies": (ArticleRef("kim-2", "Kim returns", "pl", source="Wire"),),
        "explain": EXPLAIN,
    }
    return Hit(**(values | changes))


def _results(*hits: Hit, **changes: Any) -> Results:
    facets = {"lang": (FacetValue("pl", 3), FacetValue("en", 1)), "month": (FacetValue("2023-09", 4),)}
    values = {"query": "q", "took_ms": 12.3, "hits": hits, "facets": facets, "total": 4, "no_good_answer": False}
    return Results(**(values | changes))


def _shown(results: Results, *, colour: bool = False, width: int = 100, offset: int = 0) -> str:
    return styled("\n".join(results_lines(results, width, offset)), colour=colour)


def test_a_page_of_plain_text() -> None:
    assert _shown(_results(_hit())) == (
        " 1. Kim returns\n"
        "    Kurier · 2023-09-18 · Polish · kim-1 · score 0.87\n"
        "    Kim came home. **He got food, oil and help with satellites.** More will follow.\n"
        "    also run by Wire\n"
        "    why: lexical #3; semantic silent (no vectors); reranked by fast\n"
        "\n"
        "1-1 of 4 · 12 ms · lang pl 3, en 1"
    )


def test_a_terminal_shows_the_answer_bold_and_the_matched_words_underlined() -> None:
    shown = _shown(_results(_hit()), colour=True)
    assert "\x1b[1mHe got food, \x1b[4moil\x1b[24m and help with satellites.\x1b[22m More" in shown


def test_lines_fit_the_terminal() -> None:
    lines = styled("\n".join(results_lines(_results(_hit()), 40)), colour=False).replace("**", "").splitlines()
    assert max(map(len, lines)) <= 40


def test_a_long_passage_is_cut_about_its_answer_between_words() -> None:
    long = "word " * 200 + ANSWER + " tail" * 200
    shown = _shown(_results(_hit(text=long)), width=2000)
    passage = next(line for line in shown.splitlines() if ANSWER in line).strip()
    before, after = passage.split(f"**{ANSWER}**")
    assert before.startswith("… word")
    assert after.endswith("tail …")
    assert 150 < len(before) < 250
    assert 150 < len(after) < 250


def test_text_of_articles_cannot_reach_the_terminal_as_commands() -> None:
    evil = f"\x1b[2J\x1b]0;owned {ANSWER} \x1b[31m oil\ue000"
    shown = _shown(_results(_hit(text=evil, title="\x1b[31mred\x9b0m")), colour=True)
    for code in ("\x1b[2J", "\x1b[31m", "\x1b]", "\x9b"):
        assert code not in shown
    assert "1. red\x1b[22m" in shown


def test_nothing_found_and_pages_beyond_the_end() -> None:
    assert _shown(_results(total=0)) == "Nothing found."
    assert _shown(_results(total=4), offset=10) == "Only 4 found; the offset is beyond them."


def test_no_good_answer_is_said_first() -> None:
    assert _shown(_results(_hit(), no_good_answer=True)).startswith("Nothing here answers this well. The nearest:\n")


def test_numbers_go_on_from_the_offset() -> None:
    shown = _shown(_results(_hit()), offset=9)
    assert shown.startswith("10. Kim returns")
    assert "10-10 of 4" in shown


def test_a_hit_of_nothing_but_an_id() -> None:
    bare = Hit(ArticleRef("x", "", "und"), 0.5, None, (PassageHit("Text.", 0, 5, 0.5),))
    assert _shown(_results(bare)).startswith(" 1. untitled\n    x · score 0.50\n    Text.\n")


def test_why() -> None:
    assert why_line({}) == ""
    assert why_line({"order": "by date"}) == "by date"
    assert why_line({"semantic": {"rank": None, "note": "not among its best 200"}}) == (
        "semantic not among its best 200"
    )


def test_an_article() -> None:
    article = Article("x", "One.\n\nTwo \x1b[31mred.", "Title", "en", author="Ann", url="https://example.org")
    assert [styled(line, colour=False) for line in article_lines(article, 80)] == [
        "Title",
        "English · x",
        "Ann",
        "https://example.org",
        "One.",
        "",
        "Two red.",
    ]
