"""The page in a real browser: what a reader sees, clicks and types, and what the browser refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
import uvicorn

from backissue.api.http.app import create_app
from backissue.indexer import Indexer
from backissue.search.types import Article

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
NARROWEST = {"width": 360, "height": 640}
QUESTION = "what does North Korea get in return"
ANSWER = "North Korea gets food, oil and help with its satellites in return for the shells."

FILLER = (
    "The station master swept the platform twice that morning. A brass band waited under the clock with cold hands. "
    "Children from the railway school held paper flowers. Nobody had been told at what hour the train would come. "
)
DEAL = (
    "North Korea has sent shells and rockets by rail and by sea since the summer, diplomats in Seoul said. "
    "What North Korea would receive in return was not told by either government."
)
ARTICLES = (
    Article(
        id="en/summit?1",
        title="What North Korea gets in return",
        text="\n\n".join([*[FILLER] * 12, f"{DEAL} {ANSWER} {DEAL}"]),
        lang="en",
        published="2023-09-13",
        source="The Harbour Post",
        section="World",
        url="https://example.org/summit",
    ),
    Article(
        id="pl-1",
        title="Co Korea Północna dostanie w zamian",
        text="W zamian za pociski Korea Północna dostanie żywność, ropę i pomoc przy budowie satelitów.",
        lang="pl",
        published="2023-09-18",
        source="Gazeta Nadodrzańska",
        section="Świat",
    ),
    Article(
        id="ar-1",
        title="كوريا الشمالية تنتظر الغذاء",
        text="تحصل كوريا الشمالية على الغذاء والنفط مقابل الذخيرة. ولم يعلن أي طرف عن الاتفاق.",
        lang="ar",
        published="2023-10-02",
        source="صحيفة المرفأ",
    ),
    Article(
        id="ko-1",
        title="북한이 대가로 받는 것",
        text="북한은 포탄을 제공하는 대가로 식량과 석유를 받는다. 러시아는 확인하지 않았다.",
        lang="ko",
        published="2024-06-19",
        source="한강일보",
    ),
    Article(
        id="<img src=x onerror=hacked=1>",
        title="North Korea <script>window.hacked = 1</script><img src=x onerror=window.hacked=1>",
        text="North Korea gets <svg onload=window.hacked=1> nothing in return. <script>window.hacked = 1</script>",
        lang="en",
        published="2024-06-20",
        source='"><script>window.hacked = 1</script>',
        section="' onmouseover='window.hacked=1",
        url="javascript:window.hacked=1",
    ),
    *(
        Article(
            id=f"en-filler-{n}",
            title=f"Harvest notebook {n}",
            text=f"Notebook {n} of the farming desk. Barley fetched {n} crowns, and the orchards are in bloom.",
            lang="en",
            published=f"2022-{n:02}-05",
            source="The Harbour Post",
        )
        for n in range(1, 13)
    ),
)


@contextmanager
def served(index: Path) -> Iterator[str]:
    """The address of a server of the index, on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(create_app(index), host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    index = tmp_path_factory.mktemp("browsed") / "index"
    Indexer(index).rebuild(ARTICLES)
    with served(index) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@contextmanager
def tab_of(browser: Browser, base: str, **options: Any) -> Iterator[Tab]:
    """A tab that fails the test if a page complains, breaks the security policy, or asks another host for anything."""
    context = browser.new_context(base_url=base, **{"viewport": DESKTOP, **options})
    tab = context.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    tab.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    yield tab
    assert complaints == []
    assert hosts <= {urlsplit(base).netloc}
    context.close()


@pytest.fixture
def tab(browser: Browser, base: str) -> Iterator[Tab]:
    with tab_of(browser, base) as tab:
        yield tab


@pytest.fixture
def phone(browser: Browser, base: str) -> Iterator[Tab]:
    with tab_of(browser, base, viewport=PHONE, is_mobile=True, has_touch=True) as tab:
        yield tab


def ask(tab: Tab, question: str = QUESTION) -> None:
    tab.goto("/")
    tab.fill("#q", question)
    tab.press("#q", "Enter")
    tab.wait_for_url("**/?q=*")


def in_view(tab: Tab, selector: str) -> bool:
    box = tab.locator(selector).first.bounding_box()
    assert box is not None and tab.viewport_size is not None
    return 0 <= box["y"] <= tab.viewport_size["height"] - 20


def overflow_px(tab: Tab) -> int:
    width: int = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def test_the_answer_is_marked_where_it_was_asked_for(tab):
    ask(tab)
    assert tab.input_value("#q") == QUESTION
    marked = tab.locator("mark.answer", has_text=ANSWER).first
    assert marked.is_visible()
    colours = marked.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(document.body).color]")
    assert colours[0] != "rgba(0, 0, 0, 0)"
    assert tab.locator("[role=status]").inner_text().startswith("17 articles, ")
    assert urlsplit(tab.url).query == "q=what+does+North+Korea+get+in+return"


def test_the_example_is_one_click_away(tab):
    tab.goto("/")
    tab.click("text=what does North Korea get in return")
    tab.wait_for_url("**/?q=*")
    assert tab.locator(".hit").count() == 10


def test_a_facet_narrows_and_its_chip_widens(tab):
    ask(tab)
    tab.locator(".refine a", has_text="Polish").click()
    tab.wait_for_url("**&lang=pl")
    assert tab.locator(".hit .lang").all_inner_texts() == ["Polish"]
    tab.locator(".chip", has_text="Polish").click()
    tab.wait_for_url(lambda url: "lang" not in url)
    assert tab.locator(".hit").count() == 10


def test_a_month_of_the_timeline_narrows_by_keyboard_too(tab):
    ask(tab)
    bar = tab.locator(".bars a[aria-label^='September 2023']")
    bar.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**after=2023-09-01&before=2023-10-01")
    assert all("September 2023" in day for day in tab.locator(".hit .day").all_inner_texts())
    assert tab.locator(".bars [aria-current]").get_attribute("aria-label").startswith("September 2023")
    tab.locator(".neighbour a", has_text="October 2023").click()
    tab.wait_for_url("**after=2023-10-01&before=2023-11-01")
    assert tab.locator(".hit .lang").all_inner_texts() == ["Arabic"]


def test_dates_are_typed_as_loosely_as_in_a_question(tab):
    ask(tab)
    tab.fill("#after", "2024-06")
    tab.click("text=Set dates")
    tab.wait_for_url("**after=2024-06*")
    assert tab.input_value("#after") == "2024-06-01"
    assert tab.locator(".hit").count() == 2
    assert "before" not in tab.url


def test_the_article_opens_at_the_passage_and_back_returns(tab):
    ask(tab)
    results = tab.url
    tab.locator(".hit", has_text="What North Korea gets in return").locator("a.headline").click()
    tab.wait_for_url("**#passage")
    assert tab.evaluate("scrollY") > 500
    assert in_view(tab, "mark.answer")
    assert tab.locator("mark.answer").inner_text() == ANSWER
    tab.go_back()
    assert tab.url == results
    assert tab.locator("mark.answer", has_text=ANSWER).first.is_visible()
    tab.go_forward()
    tab.locator(".back a").click()
    tab.wait_for_url(results)


def test_the_reason_of_a_result_unfolds(tab):
    ask(tab)
    why = tab.locator(".hit .why").first
    assert not why.locator("dl").first.is_visible()
    why.locator("summary").click()
    assert "semantic" in why.locator("dl").first.inner_text()


def test_similar_articles_lead_on(tab):
    ask(tab)
    tab.locator(".hit", has_text="What North Korea gets in return").locator("a.similar").click()
    tab.wait_for_url("**#similar")
    assert in_view(tab, "#similar")
    here = tab.url
    tab.locator("#similar a.headline").first.click()
    tab.wait_for_url(lambda url: url != here)
    assert tab.locator(".text").is_visible()


def test_pages_turn(tab):
    ask(tab)
    first = tab.locator("a.headline").all_inner_texts()
    tab.click("text=Next →")
    tab.wait_for_url("**&page=2")
    assert not set(first) & set(tab.locator("a.headline").all_inner_texts())


def test_all_can_be_done_from_the_keyboard(tab):
    ask(tab)
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("k")
    focused = tab.evaluate("document.activeElement.textContent")
    assert focused == tab.locator("a.headline").nth(1).text_content()
    tab.keyboard.press("?")
    assert tab.locator("#help").get_attribute("open") is not None
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "q"
    tab.keyboard.type("j?/")  # in the box they are letters
    assert tab.input_value("#q") == "j?/"
    tab.locator("a.headline").nth(1).focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/article/**")


def test_the_first_tab_stop_skips_to_the_results(tab):
    ask(tab)
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_the_theme_follows_the_system_until_it_is_chosen(browser, base):
    def paper(tab):
        return tab.evaluate("getComputedStyle(document.body).backgroundColor")

    with tab_of(browser, base, color_scheme="dark") as tab:
        tab.goto("/")
        dark = paper(tab)
        tab.click("button.theme")
        light = paper(tab)
        assert dark != light
        tab.reload()
        assert paper(tab) == light
        tab.click("button.theme")
        assert paper(tab) == dark
        assert tab.evaluate("localStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, base, scheme):
    """The contrast of WCAG 2.2 AA: 4.5 to 1."""
    with tab_of(browser, base, color_scheme=scheme) as tab:
        ask(tab)
        for selector in ("body", ".passage-text", ".answer", ".dateline .lang", ".percent", "a.similar", ".year-name"):
            assert tab.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


CONTRAST = """element => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = element;
  while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  const pair = [light(getComputedStyle(element).color), light(getComputedStyle(ground).backgroundColor)];
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


def test_nothing_runs_sideways_on_a_phone(phone):
    phone.goto("/")
    assert overflow_px(phone) == 0
    ask(phone)
    assert overflow_px(phone) == 0
    phone.locator(".refine summary").first.click()
    phone.locator(".why summary").first.click()
    phone.locator("#help summary").click()
    assert overflow_px(phone) == 0
    assert phone.locator(".refine a", has_text="Korean").is_visible()
    phone.set_viewport_size(NARROWEST)
    assert overflow_px(phone) == 0
    phone.locator("a.headline").first.click()
    phone.wait_for_url("**/article/**")
    assert overflow_px(phone) == 0


def test_arabic_runs_from_right_to_left(tab):
    ask(tab, "الغذاء")
    passage = tab.locator(".hit", has_text="Arabic").locator(".passage-text").first
    assert passage.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert passage.get_attribute("lang") == "ar"


def test_hostile_articles_do_not_run(tab):
    ask(tab, "North Korea nothing in return")
    hostile = tab.locator(".hit", has_text="<script>window.hacked = 1</script>").first
    assert hostile.is_visible()
    hostile.locator("a.headline").click()
    tab.wait_for_url("**/article/**")
    assert "<svg onload=window.hacked=1>" in tab.locator(".text").inner_text()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("a[href^='javascript']").count() == 0
    tab.goto("/?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E")
    assert tab.evaluate("window.hacked") is None


def test_everything_works_without_scripts(browser, base):
    with tab_of(browser, base, java_script_enabled=False) as tab:
        ask(tab)
        assert tab.locator("mark.answer", has_text=ANSWER).first.is_visible()
        assert not tab.locator("button.theme").is_visible()
        tab.locator(".refine a", has_text="Polish").click()
        tab.wait_for_url("**&lang=pl")
        tab.locator("a.headline").first.click()
        tab.wait_for_url("**#passage")
        assert tab.locator("mark.answer").is_visible()


def test_a_mistake_in_the_address_is_explained(browser, base):
    context = browser.new_context(base_url=base)  # the browser itself logs the status 422
    tab = context.new_page()
    tab.goto("/?q=kim&after=soon")
    assert "after is “soon”" in tab.locator("[role=alert]").inner_text()
    tab.locator(".failure a", has_text="kim").click()
    tab.wait_for_url(f"{base}/?q=kim")
    context.close()


MARK = "window.hacked=1"
PAYLOADS = (
    f"<script>{MARK}</script>",
    f"</title><script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg/onload={MARK}>",
    f"<svg><script href=data:,{MARK} /></svg>",
    f'"><script>{MARK}</script>',
    f"' autofocus onfocus='{MARK}",
    f'" autofocus onfocus="{MARK}',
    f"</textarea></style></mark></p><iframe srcdoc='<script>top.{MARK}</script>'></iframe>",
    f"<iframe src=javascript:top.{MARK}></iframe>",
    f"<a href=javascript:{MARK} id=bait>bait</a>",
    f"<math><mtext><table><mglyph><style><img src onerror={MARK}>",
    f"<noscript><p title='</noscript><img src onerror={MARK}>'>",
    f"<!--><img src onerror={MARK}>-->",
    f"<details open ontoggle={MARK}>",
    f"<body onload={MARK}>",
    "<base href=//evil.example/><script src=/x.js></script>",
    f"<meta http-equiv=refresh content='0;url=javascript:{MARK}'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<form action=//evil.example><button id=bait>bait</button></form>",
    f"{{{{7*7}}}}{{% print {MARK} %}}${{{MARK}}}",
    f"\u202e<script>{MARK}</script>",
    f"<scr\x00ipt>{MARK}</scr\x00ipt>",
    f"\ud800<img src=x onerror={MARK}>",
    f"%3Cscript%3E{MARK}%3C/script%3E&lt;script&gt;{MARK}&lt;/script&gt;&#60;img src=x onerror={MARK}&#62;",
)
LINKS = (
    f"javascript:{MARK}",
    f"JaVaScRiPt:{MARK}",
    f" java\tscript:{MARK}",
    f"\x01javascript:{MARK}",
    f"data:text/html,<script>{MARK}</script>",
    f"vbscript:{MARK}",
    "//evil.example/",
    f'https://a.example/" onmouseover="{MARK}',
    f"https://a.example/'><script>{MARK}</script>",
    f"https://javascript:{MARK}@/",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    index = tmp_path_factory.mktemp("hostile") / "index"
    Indexer(index).rebuild(
        Article(
            id=f"{number} {payload}",
            title=f"Harbour {payload}",
            text=f"The harbour {payload} was closed. " + " ".join(f"w{number}x{n}" for n in range(80)),
            lang="en",
            published=f"2024-01-{number % 28 + 1:02}",
            source=payload,
            author=payload,
            section=payload,
            url=LINKS[number % len(LINKS)],
        )
        for number, payload in enumerate(PAYLOADS)
    )
    with served(index) as address:
        yield address


def test_nothing_of_a_corpus_of_attacks_runs(browser, hostile):
    with tab_of(browser, hostile) as tab:
        tab.goto("/?q=harbour")
        addresses = []
        for page in range(1, -(-len(PAYLOADS) // 10) + 1):
            tab.goto(f"/?q=harbour+closed&page={page}")
            look_for_harm(tab)
            addresses += [link.get_attribute("href") for link in tab.locator("a.headline").all()]
        assert len(set(addresses)) == len(PAYLOADS)
        for address in addresses:
            tab.goto(address)
            look_for_harm(tab)
            assert tab.locator(".text").inner_text().startswith("The harbour")


def test_nothing_of_a_question_runs(browser, hostile):
    with tab_of(browser, hostile) as tab:
        for payload in (*PAYLOADS, *LINKS):
            tab.goto(f"/?q={quote(payload, errors='replace')}")
            look_for_harm(tab)


def look_for_harm(tab: Tab) -> None:
    """Nothing ran, nothing that could run became part of the page, and every link leads somewhere by http."""
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("#bait, iframe, base, meta[http-equiv], main script, main form, main [autofocus]").count() == 0
    assert tab.evaluate(
        "[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))"
    )
    protocols = tab.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.protocol)")
    assert set(protocols) <= {"http:", "https:"}
