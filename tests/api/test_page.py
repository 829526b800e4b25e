from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from fastapi.testclient import TestClient

from backissue.api.http.app import create_app
from backissue.api.http.page import EXAMPLE_QUESTION
from backissue.indexer import Indexer
from backissue.search.types import Article

PAYLOADS = (
    "<script>window.hacked = 1</script>",
    "</title></p><img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "' onmouseover='window.hacked=1",
    "<!--<textarea><style>@import 'https://evil.example/x.css'",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
)
VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """The elements of a page, its visible text, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag and css in (attrs.get("class") or "")]

    def links(self, css: str = "") -> list[str]:
        return [attrs["href"] or "" for attrs in self.all("a", css)]


def get(client: TestClient, url: str, status: int = 200) -> Page:
    response = client.get(url)
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Page(response.text)


def ask(client: TestClient, question: str, rest: str = "") -> Page:
    return get(client, f"/?q={quote(question)}{rest}")


def test_the_front_page_offers_a_question_and_tells_what_is_held(client):
    page = get(client, "/")
    (example,) = [link for link in page.links() if EXAMPLE_QUESTION.replace(" ", "+") in link]
    assert parse_qsl(urlsplit(example).query) == [("q", "what does North Korea get in return")]
    assert "From 12 March 2022 to 15 September 2024" in page.text
    assert "Polish" in page.text and "German" in page.text
    assert "/?lang=pl" in page.links()
    (question,) = [attrs for attrs in page.all("input") if attrs.get("id") == "q"]
    assert question["dir"] == "auto"


def test_a_question_is_answered_with_the_sentence_marked(client):
    html = client.get("/", params={"q": "what does North Korea get in return"}).text
    assert '<mark class="answer">' in html
    page = Page(html)
    assert page.all("li", "hit") and page.all("b", "term")
    assert [attrs["value"] for attrs in page.all("input") if attrs.get("id") == "q"] == [EXAMPLE_QUESTION]
    assert "Why this result" in page.text and "semantic" in page.text and "fusion" in page.text


def test_a_result_leads_to_its_article_at_the_passage_and_back(client):
    page = ask(client, "Korea Północna żywność ropa satelity", "&lang=pl&sort=date")
    (link,) = [link for link in page.links("headline") if link.startswith("/article/pl%2Fkim-1?")]
    article = get(client, link)
    assert article.all("span", "passage")[0]["id"] == "passage"
    assert article.all("mark", "answer")
    assert "Kim wraca z Rosji. Co dostanie w zamian" in article.text
    assert "By Anna Lis" in article.text and "18 September 2023" in article.text and "Polish" in article.text
    back = next(link for link in article.links() if "q=Korea" in link and link.startswith("/?"))
    assert parse_qsl(urlsplit(back).query) == [
        ("q", "Korea Północna żywność ropa satelity"),
        ("lang", "pl"),
        ("sort", "date"),
    ]


def test_the_original_is_linked_without_handing_anything_over(client):
    page = get(client, "/article/pl%2Fkim-1")
    (original,) = [attrs for attrs in page.all("a") if attrs["href"] == "https://example.org/kim-1"]
    assert original["rel"] == "noopener noreferrer"


def test_similar_articles_are_listed_under_an_article(client):
    page = get(client, "/article/en-putin?q=kim")
    assert page.all("section", "related")[0]["id"] == "similar"
    assert any(link.startswith("/article/") and link.endswith("?q=kim") for link in page.links("headline"))


def test_texts_say_their_language_and_find_their_direction(client):
    page = get(client, "/article/pl%2Fkim-1")
    (title,) = page.all("h1")
    assert (title["lang"], title["dir"]) == ("pl", "auto")
    (text,) = page.all("div", "text")
    assert text["lang"] == "pl"


def test_an_id_of_any_characters_has_an_address(client):
    page = get(client, "/?lang=de")
    (link,) = [link for link in page.links("headline") if "fahrrad" in link]
    assert "Mehr Radwege für Hamburg" in get(client, link).text


def test_facets_and_months_narrow_the_results(client):
    page = ask(client, "Korea")
    assert "/?q=Korea&lang=pl" in page.links()
    assert "/?q=Korea&source=The+Harbour+Post" in page.links()
    months = [attrs for attrs in page.all("a") if (attrs.get("aria-label") or "").startswith("September 2023")]
    assert months[0]["href"] == "/?q=Korea&after=2023-09-01&before=2023-10-01"
    narrowed = get(client, months[0]["href"] or "")
    assert "Remove September 2023" in narrowed.text
    assert len(narrowed.all("li", "hit")) == 1
    assert "/?q=Korea" in narrowed.links("chip")


def test_filters_travel_with_the_next_question(client):
    page = ask(client, "Korea", "&lang=pl&after=2023&mode=lexical&page=1")
    (form,) = [attrs for attrs in page.all("form") if attrs.get("role") == "search"]
    assert form["method"] == "get"
    hidden = {(attrs["name"], attrs["value"]) for attrs in page.all("input") if attrs.get("type") == "hidden"}
    assert {("lang", "pl"), ("after", "2023-01-01"), ("mode", "lexical")} <= hidden
    assert not any(name == "page" for name, _ in hidden)


def test_the_best_passages_can_be_read_closely(client, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    assert "/?q=Korea&rerank=deep" in ask(client, "Korea").links()
    closely = ask(client, "Korea", "&rerank=deep")
    assert closely.all("li", "hit") and "/?q=Korea" in closely.links()
    monkeypatch.setattr("backissue.search.deep.find_spec", lambda name: None)
    assert "/?q=Korea&rerank=deep" not in ask(client, "Korea").links()


def test_a_part_of_the_archive_can_be_browsed_without_a_question(client):
    for url in ("/?lang=de", "/?q=lang:de"):
        page = get(client, url)
        assert len(page.all("li", "hit")) == 2
        assert not page.all("p", "score")  # nothing was asked that could be answered


def test_nothing_found_gives_advice(client):
    page = ask(client, '"no such phrase anywhere"', "&lang=pl")
    assert "Nothing was found" in page.text
    assert "0 articles" in page.text
    assert any("no+such+phrase" in link and "lang" not in link for link in page.links())
    assert "/?q=no+such+phrase+anywhere&lang=pl" in page.links()
    assert "Ask with the words alone" in page.text
    without_words = ask(client, "lang:fr").text
    assert "Leave some of it out" in without_words and "Ask with the words alone" not in without_words


def test_a_question_that_nothing_answers_says_so(client):
    page = ask(client, "how do volcanoes on Jupiter's moons erupt")
    assert "Nothing in the archive seems to answer this" in page.text


def test_a_page_beyond_the_last_leads_back(client):
    page = ask(client, "Korea", "&page=900")
    assert "There is no page 900 of these results" in page.text
    assert "/?q=Korea" in page.links()


@pytest.mark.parametrize(
    ("url", "status", "told"),
    [
        ("/?q=kim&after=soon", 422, "after is “soon”; write 2023 for a year, 2023-09 for a month"),
        ("/?q=kim&lang=klingon", 422, "lang is “klingon”"),
        ("/?q=kim&page=x", 422, "page is “x”"),
        ("/?q=" + "x" * 2001, 422, "2,001 characters; 2,000 can be asked"),
        ("/article/en-putin?start=x&end=2", 422, "start is “x”"),
        ("/article/en-putin?answer=5", 422, "answer is “”"),
        ("/article/nowhere", 404, "nowhere"),
    ],
)
def test_mistakes_are_told_on_a_page(client, url, status, told):
    page = get(client, url, status)
    assert told in page.text
    assert [attrs for attrs in page.all("p", "notice") if attrs.get("role") == "alert"]


def test_offsets_that_no_longer_fit_mark_nothing(client):
    page = get(client, "/article/en-putin?start=5000&end=6000&answer=900-100")
    assert not page.all("span", "passage") and not page.all("mark")


def test_an_index_that_is_not_there_is_told_without_its_path(tmp_path):
    with TestClient(create_app(tmp_path / "secret-place")) as client:
        page = get(client, "/", 503)
    assert "There is no index to search." in page.text
    assert "secret-place" not in page.text


def test_an_empty_archive_says_how_to_fill_it(tmp_path):
    Indexer(tmp_path / "index").rebuild([])
    with TestClient(create_app(tmp_path / "index")) as client:
        assert "backissue add" in get(client, "/").text


def test_a_server_behind_a_path_links_below_it(small_index):
    with TestClient(create_app(small_index), root_path="/archive") as client:
        page = get(client, "/?q=Korea")
        local = [link for link in page.links() if not link.startswith("#")]
        assert local and all(link.startswith("/archive/") for link in local)
        assert all((attrs["src"] or "").startswith("/archive/static/") for attrs in page.all("script"))


def test_static_files_are_served_under_the_address_of_their_content(client):
    page = get(client, "/")
    files = [attrs["src"] for attrs in page.all("script")] + [attrs["href"] for attrs in page.all("link")]
    assert len(files) == 3
    for file in files:
        assert "?v=" in (file or "")
        assert client.get(file or "").status_code == 200


def test_pages_can_be_asked_for_without_their_body(client):
    response = client.head("/?q=Korea")
    assert (response.status_code, response.content) == (200, b"")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server of articles whose every field is an attack."""
    articles = [
        Article(
            id=payload,
            text=f"The harbour was closed by ice on Monday. The ice {payload} closed the harbour. {payload}",
            title=f"Harbour {payload}",
            lang="en",
            published="2023-09-13",
            source=payload,
            author=payload,
            section=payload,
            url=f"javascript:{payload}",
        )
        for payload in PAYLOADS
    ]
    index = tmp_path_factory.mktemp("hostile") / "index"
    Indexer(index).rebuild(articles)
    with TestClient(create_app(index)) as client:
        yield client


def assert_harmless(page: Page) -> None:
    scripts = page.all("script")
    assert [attrs["src"].partition("?")[0] for attrs in scripts if attrs["src"]] == ["/static/page.js"]
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "iframe", "style", "object", "embed", "base", "textarea"}
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name in {"style", "srcdoc"}], tag
        for name in ("href", "src", "action"):
            assert (attrs.get(name) or "/").startswith(("/", "#", "https://", "http://"))


def test_hostile_results_are_text(hostile):
    page = ask(hostile, "who closed the harbour")
    assert_harmless(page)
    assert len(page.all("li", "hit")) + page.text.count("Also in") >= 1
    assert "Harbour <script>window.hacked = 1</script>" in page.text
    assert "49" not in page.text.partition("Harbour {{ 7 * 7 }}")[2][:10]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_article_is_text(hostile, payload):
    page = get(hostile, f"/article/{quote(payload, safe='')}?q={quote(payload)}&start=0&end=90&answer=41-80")
    assert_harmless(page)
    assert f"Harbour {payload}" in page.text
    assert "Original:" not in page.text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_address_is_text(hostile, payload):
    for url in (
        f"/?q={quote(payload)}",
        f"/?source={quote(payload)}&section={quote(payload)}",
    ):
        page = get(hostile, url)
        assert_harmless(page)
        assert payload.strip() in page.text
    for name in ("after", "lang", "sort", "page"):
        assert_harmless(get(hostile, f"/?q=x&{name}={quote(payload)}", 422))
    assert_harmless(get(hostile, f"/article/no-{quote(payload, safe='')}", 404))
