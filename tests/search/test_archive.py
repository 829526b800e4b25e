import socket
import threading
from datetime import date

import pytest

from backissue.indexer import Indexer
from backissue.search import (
    Archive,
    Article,
    ArticleNotFoundError,
    Filter,
    FormatVersionError,
    InvalidArgumentError,
    SearchCancelledError,
    snapshot,
)
from backissue.search.lexical import LexicalIndex
from backissue.search.retrieval import LEG_DEPTH


def ids(results):
    return [hit.article.id for hit in results.hits]


def test_an_english_question_finds_the_polish_sentence_that_answers_it(archive):
    results = archive.search("what does North Korea get in return for its shells?")
    best = results.hits[0]
    assert best.article.id == "pl-arms"
    assert best.answer.text.startswith("W zamian za pociski artyleryjskie Korea Północna")
    assert not results.no_good_answer


def test_all_offsets_point_into_the_stored_text(archive):
    for question in ("what does North Korea get", "tramwaj most", "Каховська дамба", "dam farmers canals"):
        for hit in archive.search(question).hits:
            text = archive.article(hit.article.id).text
            assert text[hit.answer.start : hit.answer.end] == hit.answer.text
            for passage in hit.passages:
                assert text[passage.start : passage.end] == passage.text
                for start, end in passage.highlights:
                    assert passage.start <= start < end <= passage.end


def test_highlights_are_the_words_asked_for_in_any_inflection(archive):
    hit = archive.search("remont tramwajów").hits[0]
    text = archive.article(hit.article.id).text
    words = [text[start:end] for start, end in hit.passages[0].highlights]
    assert words == ["remontu", "tramwaje", "Remont"]


def test_a_phrase_must_stand_in_the_passage_or_its_title(archive):
    assert ids(archive.search('"armoured train"')) == ["en-train"]
    assert ids(archive.search('"dam collapse"')) == ["en-dam"]
    assert ids(archive.search('"train armoured"')) == []
    # A phrase does not reach from the title's end over to the text's beginning.
    assert ids(archive.search('"dam collapse the reservoir"')) == []


def test_an_excluded_word_excludes_its_article_in_any_inflection(archive):
    assert "en-dam" in ids(archive.search("dam"))
    assert "en-dam" not in ids(archive.search("dam -canal"))
    assert "pl-tram" not in ids(archive.search("most -tramwaj"))
    assert "en-train" not in ids(archive.search('train -"red carpet"'))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("lang:uk", {"uk-dam"}),
        ("source:kurier", {"pl-arms", "pl-tram"}),
        ("section:świat", {"pl-arms"}),
        ("section:swiat", {"pl-arms"}),
        ("author:lacka", {"pl-arms"}),
        ('author:"o\'neill"', {"en-train"}),
        ("title:mostu", {"pl-tram"}),
        ("title:dam", {"en-dam"}),
        ("after:2024", {"pl-tram"}),
        ("before:2023-06-08", {"uk-dam"}),
        ("on:2023-06-08", {"en-dam"}),
        ("on:2023-09", {"pl-arms", "en-train"}),
        ("after:2023-06-07 before:2023-09-14", {"en-dam", "en-train"}),
        ("lang:pl -source:kurier", set()),
        ("-lang:pl -lang:en", {"uk-dam", "de-reed"}),
        ("source:nobody", set()),
    ],
)
def test_filters_alone_list_what_they_keep_the_newest_first(archive, question, expected):
    results = archive.search(question)
    assert set(ids(results)) == expected
    assert results.total == len(expected)
    days = [hit.article.published or "" for hit in results.hits]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
def test_every_leg_obeys_every_filter(archive, mode):
    question = "train dam tramwaj wody Oder"
    for extra, wanted in (
        (Filter(langs=("pl",)), {"pl-arms", "pl-tram"}),
        (Filter(sources=("Tribune",)), {"en-train", "en-dam"}),
        (Filter(after=date(2023, 9, 1)), {"pl-arms", "en-train", "pl-tram"}),
        (Filter(before=date(2023, 6, 7)), {"uk-dam"}),
        (Filter(langs=("en",), after=date(2023, 9, 1)), {"en-train"}),
    ):
        assert set(ids(archive.search(question, mode=mode, filter=extra, k=100))) <= wanted


def test_typed_and_written_filters_meet(archive):
    assert set(ids(archive.search("lang:pl", filter=Filter(after=date(2024, 1, 1))))) == {"pl-tram"}
    assert ids(archive.search("lang:pl", filter=Filter(langs=("en",)))) == []


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
@pytest.mark.parametrize("rerank", ["fast", "off"])
@pytest.mark.parametrize("sort", ["relevance", "date"])
def test_pages_put_together_are_the_whole(archive, mode, rerank, sort):
    options = {"mode": mode, "rerank": rerank, "sort": sort}
    whole = archive.search("the dam and the train", k=100, **options)
    paged = [
        hit.article.id
        for offset in range(0, whole.total, 2)
        for hit in archive.search("the dam and the train", k=2, offset=offset, **options).hits
    ]
    assert paged == ids(whole)
    assert len(set(paged)) == len(paged) == whole.total
    assert archive.search("the dam and the train", offset=1000, **options).hits == ()


def test_facets_count_the_set_that_is_paged(archive):
    results = archive.search("the dam and the train", k=1)
    for name in ("lang", "source", "section", "month"):
        assert sum(value.count for value in results.facets[name]) <= results.total
    assert sum(value.count for value in results.facets["lang"]) == results.total
    one = archive.search("lang:en", k=1)
    assert {value.value: value.count for value in one.facets["lang"]} == {"en": 2}
    assert [(value.value, value.count) for value in one.facets["month"]] == [("2023-06", 1), ("2023-09", 1)]
    assert archive.search("the dam and the train", facets=False).facets == {}


def test_sorting_by_date_puts_the_newest_first_and_the_undated_last(archive):
    results = archive.search("water train tramwaj Fische", sort="date", k=100)
    days = [hit.article.published or "" for hit in results.hits]
    assert days == sorted(days, reverse=True)


def test_the_shortest_of_times_leaves_what_is_of_the_newest_day(archive):
    plain = archive.search("dam reservoir train", k=100).hits
    newest = max(hit.article.published or "" for hit in plain)[:10]
    for hit in archive.search("dam reservoir train", k=100, recency_days=5e-324).hits:
        assert (hit.score > 0) == (hit.article.published or "").startswith(newest)


def test_recency_halves_a_score_by_age(archive):
    plain = {hit.article.id: hit.score for hit in archive.search("dam reservoir train", k=100).hits}
    decayed = {hit.article.id: hit.score for hit in archive.search("dam reservoir train", k=100, recency_days=30).hits}
    age_days = (date(2024, 5, 2) - date(2023, 6, 8)).days  # from the archive's newest day
    assert decayed["en-dam"] == pytest.approx(plain["en-dam"] * 0.5 ** (age_days / 30))


def test_the_explanation_says_what_each_leg_gave_and_why_one_was_silent(archive):
    best = archive.search("how fast does the reservoir drain").hits[0]
    assert best.article.id == "en-dam"
    assert best.explain["lexical"]["rank"] == 1
    assert best.explain["semantic"]["rank"] >= 1
    assert best.explain["rerank"]["by"] == "fast"
    foreign = archive.search("who plays chess there", filter=Filter(langs=("de",))).hits[0]
    assert "no translated word is shared" in foreign.explain["lexical"]["abstained"]
    assert "mode" in archive.search("dam", mode="lexical").hits[0].explain["semantic"]["abstained"]


def test_the_explanation_names_translated_words(archive):
    foreign = archive.search("why are fish dying in the river", filter=Filter(langs=("de",))).hits[0]
    terms = foreign.explain["lexical"]["terms"]
    assert any(term.startswith("fish → fisch ") for term in terms), terms


def test_a_name_that_no_dictionary_has_is_met_in_another_script(tmp_path):
    texts = {"a": "Міст відкрив мер Бондаревський. Люди плескали.", "b": "Школу закрили на зиму. Діти вчаться вдома."}
    Indexer(tmp_path).add([Article(id=key, text=text, lang="uk") for key, text in texts.items()])
    with Archive.open(tmp_path) as opened:
        best = opened.search("what did mayor Bondarevsky say", mode="lexical").hits[0]
    assert best.article.id == "a"
    assert "bondarevsky ≈ Бондаревський" in best.explain["lexical"]["terms"]
    passage = best.passages[0]
    assert "Бондаревський" in [passage.text[start:end] for start, end in passage.highlights]


def test_nothing_answers_a_question_about_nothing_here(archive):
    assert archive.search("who won the cricket world cup in 1996").no_good_answer


def test_similar_articles_cross_languages_and_leave_the_article_out(archive):
    results = archive.similar("uk-dam")
    assert ids(results)[0] == "en-dam"
    assert "uk-dam" not in ids(results)
    assert set(ids(archive.similar("uk-dam", filter=Filter(langs=("pl",))))) == {"pl-arms", "pl-tram"}
    with pytest.raises(ArticleNotFoundError, match="nope"):
        archive.similar("nope")


def test_an_article_without_a_date_or_title_is_found_as_well(archive):
    hit = archive.search("giftige Alge in der Oder").hits[0]
    assert (hit.article.id, hit.article.published) == ("de-reed", None)


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0},
        {"k": 1001},
        {"offset": -1},
        {"mode": "fuzzy"},
        {"sort": "size"},
        {"recency_days": 0},
        {"recency_days": float("nan")},
        {"passages": 0},
    ],
)
def test_an_argument_out_of_range_is_named(archive, options):
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        archive.search("dam", **options)


@pytest.mark.parametrize(
    "question", ["", " ", "?!", '"', "-", "the of and", "\x00", "a" * 10_000, "lang:", "()[]{}~*^+&|\\/", "🙂"]
)
def test_no_question_is_an_error(archive, question):
    archive.search(question)
    archive.search(question, mode="lexical")


def test_a_question_too_long_to_be_one_is_refused(archive):
    with pytest.raises(InvalidArgumentError, match="10000"):
        archive.search("a" * 10_001)


def test_no_socket_is_opened(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    Indexer(tmp_path).rebuild([Article(id="a", lang="en", text="The harbour froze in the night.")])
    with Archive.open(tmp_path) as archive:
        assert ids(archive.search("harbour")) == ["a"]


def test_results_are_json_and_round_trip(archive):
    import json

    record = archive.search("what does North Korea get in return").to_dict()
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {"query", "took_ms", "lang", "hits", "facets", "total", "no_good_answer"}
    assert {"id", "title", "lang", "source", "published", "url"} <= set(record["hits"][0]["article"])


def test_stats_count_what_is_there(archive):
    stats = archive.stats()
    assert stats["articles"] == 6
    assert stats["languages"] == {"en": 2, "pl": 2, "de": 1, "uk": 1}
    assert (stats["first_published"], stats["last_published"]) == ("2023-06-06", "2024-05-02")


def one_of(words, **fields):
    return Article(**{"id": words.split()[0], "lang": "en", "text": f"{words} stood in the morning report.", **fields})


def opened(path, articles):
    Indexer(path).rebuild(articles)
    return Archive.open(path)


def test_copies_of_one_text_do_not_crowd_out_what_else_answers(tmp_path):
    told = " ".join(f"The minister spoke of harbour fees and of line {n} of the agency report." for n in range(12))
    copies = [Article(id=f"copy{n}", lang="en", source=f"Paper {n}", text=told) for n in range(210)]
    others = [one_of(f"n{n} harbour fees rose for {n} weeks") for n in range(20)]
    with opened(tmp_path, [*copies, *others]) as archive:
        for mode in ("hybrid", "lexical", "semantic"):
            results = archive.search("harbour fees", mode=mode, k=100)
            assert results.total == 21, mode
        first = next(hit for hit in results.hits if hit.article.id.startswith("copy"))
        assert len(first.copies) >= 5
        assert archive.search("lang:en").total == 21


def test_very_many_copies_end_the_search_and_not_the_patience(tmp_path, monkeypatch):
    told = "The frozen harbour keeps its ice, and the pilots wait for the thaw with their tugs at the long pier."
    articles = [Article(id=f"copy{n}", lang="en", source=f"Paper {n}", text=told) for n in range(1000)]
    with opened(tmp_path, articles) as archive:
        depths = []
        whole = LexicalIndex.search
        monkeypatch.setattr(
            LexicalIndex, "search", lambda index, table, k, *others: depths.append(k) or whole(index, table, k, *others)
        )
        monkeypatch.setattr(snapshot, "MOST_PASSED_OVER", 500)
        (hit,) = archive.search("frozen harbour", mode="lexical").hits
        assert depths == [LEG_DEPTH, 4 * LEG_DEPTH]
        assert hit.answer.text == told


def test_what_few_pass_is_looked_for_at_any_depth(tmp_path, monkeypatch):
    others = [one_of(f"n{n} frozen harbour, frozen pier and ice") for n in range(1000)]
    wanted = Article(id="wanted", lang="en", title="Ledger", text="Of many things one was in the end the harbour.")
    monkeypatch.setattr(snapshot, "MOST_PASSED_OVER", 10)
    with opened(tmp_path, [*others, wanted]) as archive:
        assert ids(archive.search("frozen harbour title:ledger", mode="lexical")) == ["wanted"]


def test_what_a_filter_leaves_out_is_no_copy_either(tmp_path):
    told = " ".join(f"The minister spoke of harbour fees and of line {n} of the agency report." for n in range(12))
    papers = [Article(id=name, lang="en", source=name, text=told) for name in ("TASS", "Post", "Times")]
    with opened(tmp_path, papers) as archive:
        [hit] = archive.search("minister -source:TASS").hits
        assert {hit.article.id, *(copy.id for copy in hit.copies)} == {"Post", "Times"}


def test_a_title_filter_does_not_look_into_the_text(archive):
    assert ids(archive.search("title:carpet")) == []
    assert ids(archive.search("title:kilometres")) == []


def test_an_excluded_chinese_word_is_excluded_as_a_whole(tmp_path):
    articles = [
        Article(id="new", lang="zh", text="北京发布新的交通规定。"),
        Article(id="singapore", lang="zh", text="新加坡与北京签署协议。"),
    ]
    with opened(tmp_path, articles) as archive:
        assert ids(archive.search("北京 -新加坡")) == ["new"]


def test_an_archive_without_any_date_can_be_asked_for_the_recent(tmp_path):
    with opened(tmp_path, [one_of("harbour ice")]) as archive:
        [hit] = archive.search("harbour ice", recency_days=30).hits
        assert hit.score == pytest.approx(archive.search("harbour ice").hits[0].score)


def test_age_does_not_make_an_answer_none(archive):
    question = "how fast does the reservoir behind the broken dam drain"
    assert not archive.search(question).no_good_answer
    assert not archive.search(question, recency_days=1).no_good_answer


def test_very_old_articles_come_before_the_undated(tmp_path):
    articles = [
        one_of("old ice", published="1890-05-01"),
        one_of("none ice"),
        one_of("new ice", published="1950-01-01"),
    ]
    with opened(tmp_path, articles) as archive:
        assert ids(archive.search("lang:en")) == ["new", "old", "none"]
        assert archive.stats()["first_published"] == "1890-05-01"


def test_one_name_spelt_two_ways_is_one_name(archive):
    assert set(ids(archive.search("section:swiat", filter=Filter(sections=("Świat",))))) == {"pl-arms"}
    assert set(ids(archive.search("author:lacka", filter=Filter(authors=("Anna Łącka",))))) == {"pl-arms"}


def test_filters_without_a_question_have_no_score(archive):
    hits = archive.search("lang:pl").hits
    assert [hit.score for hit in hits] == pytest.approx([0.0, 0.0])
    assert all(hit.answer is None and "date" in hit.explain["order"] for hit in hits)


def test_by_date_stands_what_answers_and_not_what_was_merely_looked_at(archive):
    question = "how fast does the reservoir behind the broken dam drain"
    assert archive.search(question, sort="date").total < archive.search(question).total


def test_an_index_of_another_analysis_is_refused(small_index, tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.search.layout.ANALYSER_VERSION", 999)
    with pytest.raises(FormatVersionError, match="backissue rebuild"):
        Archive.open(small_index)


def test_what_there_is_no_time_for_is_left_out_and_said_so(archive):
    late = archive.search("the dam and the reservoir", budget_ms=1e-6)
    assert late.left_out == ("rerank", "answers")
    assert late.to_dict()["left_out"] == ["rerank", "answers"]
    assert late.hits
    assert all(hit.answer is None for hit in late.hits)
    assert archive.search("the dam and the reservoir", budget_ms=1e6).left_out == ()
    with pytest.raises(InvalidArgumentError, match="budget_ms"):
        archive.search("dam", budget_ms=0)


class SetAfter(threading.Event):
    """Is set when it was looked at so many times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        if self.looks < 0:
            self.set()
        return super().is_set()


def test_a_cancelled_search_ends_at_its_next_step(archive):
    question = "the dam and the reservoir"
    hits = archive.search(question).hits
    steps = 3 + len(hits)
    assert len(hits) > 1
    for looks in range(steps):
        with pytest.raises(SearchCancelledError, match="cancelled after"):
            archive.search(question, cancelled=SetAfter(looks))
    assert archive.search(question, cancelled=SetAfter(steps)).hits == hits
