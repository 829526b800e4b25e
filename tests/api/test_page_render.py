import itertools
import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.api.http import render
from backissue.search.types import Answer, PassageHit

TAG = re.compile(r'<(?:mark class="answer"|b class="term"|span class="passage"(?: id="passage")?|/mark|/b|/span)>')

texts = st.text(alphabet=st.sampled_from("ab<>&\"'/= \nłж한ع\u0301") | st.characters(exclude_categories=["Cs"]))
spans = st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=6)


def stripped(markup: str) -> str:
    """The text that a reader sees, if the markup has no tags but the three of the layers."""
    rest = TAG.sub("", markup)
    assert "<" not in rest and ">" not in rest
    return unescape(rest)


@settings(deadline=None)
@given(texts, spans, spans, spans, st.integers(0, 20))
def test_marked_text_is_the_text(text, first, second, third, offset):
    layers = (render.Layer("span", "passage", tuple(first), "passage"), render.Layer("mark", "answer", tuple(second)))
    marked = render.mark(text, *layers, render.terms(third), offset=offset)
    assert stripped(marked) == text


@settings(deadline=None)
@given(texts, spans)
def test_every_character_of_a_span_is_marked_and_no_other(text, some):
    marked = render.mark(text, render.terms(some))
    inside = "".join(re.findall(r'<b class="term">(.*?)</b>', marked, re.DOTALL))
    wanted = {i for start, end in some for i in range(max(start, 0), min(end, len(text)))}
    assert unescape(inside) == "".join(text[i] for i in sorted(wanted))


@settings(deadline=None)
@given(spans)
def test_merged_spans_are_ordered_and_apart(some):
    merged = render.merge(some, 0, 50)
    assert all(0 <= start < end <= 50 for start, end in merged)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(merged))


def test_elements_nest_where_spans_cross():
    marked = render.mark("one two three", render.answers(Answer("", 0, 7)), render.terms([(4, 13)]))
    assert marked == (
        '<mark class="answer">one <b class="term">two</b></mark><b class="term"> three</b>'
    )  # the term is cut where the answer ends


def test_markup_in_the_text_is_text():
    assert render.mark("<b>&", render.terms([(0, 3)])) == '<b class="term">&lt;b&gt;</b>&amp;'


@settings(deadline=None)
@given(texts.filter(bool), st.data())
def test_paragraphs_hold_every_printing_character(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    marked = render.paragraphs(text, (start, end), Answer("", start, end))
    assert "".join("".join(map(stripped, marked)).split()) == "".join(text.split())
    assert sum('id="passage"' in one for one in marked) <= 1


def test_a_passage_over_two_paragraphs_has_one_anchor_where_it_begins():
    first, second, third = render.paragraphs("aa bb\n\ncc dd\nee", (3, 9))
    assert first == 'aa <span class="passage" id="passage">bb</span>'
    assert second == '<span class="passage">cc</span> dd'
    assert third == "ee"


PASSAGE = " ".join(f"word{n:03}" for n in range(150))  # 150 words of 7 letters: 1,199 characters


def hit(highlights=()):
    return PassageHit(PASSAGE, 1000, 1000 + len(PASSAGE), 0.5, tuple(highlights))


def test_an_excerpt_shows_the_answer_in_its_context_and_cuts_between_words():
    answer = Answer("word070 word071", 1000 + 70 * 8, 1000 + 72 * 8 - 1)
    shown = render.excerpt(hit(), answer)
    assert '<mark class="answer">word070 word071</mark>' in shown
    words = stripped(shown).split()
    assert words[0] == words[-1] == "…"
    assert all(re.fullmatch(r"word\d{3}", word) for word in words[1:-1])
    assert len(stripped(shown)) < 160 + 15 + 220 + 4


def test_an_excerpt_without_an_answer_shows_the_first_match():
    shown = render.excerpt(hit([(1000 + 100 * 8, 1000 + 100 * 8 + 7)]), None)
    assert '<b class="term">word100</b>' in shown
    assert "word000" not in shown


def test_an_excerpt_without_anything_to_show_is_the_beginning():
    assert stripped(render.excerpt(hit(), None)).startswith("word000 word001")


def test_a_short_passage_is_shown_whole():
    short = PassageHit("Rano padało. Potem wyszło słońce.", 7, 40, 0.5)
    assert stripped(render.excerpt(short, Answer("", 7, 19))) == short.text


def test_the_answer_of_another_passage_is_not_marked():
    assert "<mark" not in render.excerpt(hit(), Answer("", 0, 20))


def test_text_without_spaces_is_cut_within_bounds():
    text = "字" * 900
    start, end = render.window(text, (450, 460), before=160, after=220)
    assert (start, end) == (450 - 160, 460 + 220)


@settings(deadline=None)
@given(texts, st.data())
def test_a_window_holds_its_focus(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    low, high = render.window(text, (start, end), before=5, after=5)
    assert 0 <= low <= start <= end <= high <= len(text)


@pytest.mark.parametrize(
    "url", ["https://example.org/a?b=c&d#e", "http://example.org", "HTTPS://Example.org/x", " https://example.org/ "]
)
def test_web_addresses_are_linked(url):
    assert render.safe_url(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "//example.org/x",
        "/article/1",
        "https:///nowhere",
        "https://[::1",
        'https://example.org/"onmouseover="alert(1)',
        "https://example.org/<script>",
        "https://exa\tmple.org/",
        "http://example.org\\@evil.example/",
    ],
)
def test_other_addresses_are_dropped(url):
    assert render.safe_url(url) is None


def test_the_host_of_a_link_is_shown():
    assert render.host("https://user:pw@News.Example.org:8080/x") == "news.example.org"
