import csv
import re
from pathlib import Path

import pytest

from backissue.search import metonyms
from backissue.search.analysis import terms
from backissue.search.lexical import by_word
from backissue.search.metonyms import mentions, telling_terms
from backissue.search.question import METONYM_WEIGHT, expand

TABLE = Path(metonyms.__file__).parent / "data" / "metonyms.tsv"


def places(text, lang):
    return [mention.place for mention in mentions(text, lang)]


def alternatives(text, question_lang, lang):
    """The terms of a language that are metonyms, by the question's word."""
    found = expand(text, question_lang, [lang])
    return {
        word: {term.term for term in some if term.probability < 1}
        for (_, word), some in by_word(found).items()
        if any(term.probability < 1 for term in some)
    }


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("what does North Korea get in return", "en", ["KP"]),
        ("what did the Kremlin promise South Korea", "en", ["RU", "KR"]),
        ("co Moskwa daje Phenianowi", "pl", ["RU", "KP"]),
        ("wojska Korei Północnej w Rosji", "pl", ["KP", "RU"]),
        ("kto rządzi w Niemczech", "pl", ["DE"]),
        ("що обіцяла Росія Північній Кореї", "uk", ["RU", "KP"]),
        ("переговоры в Москве с Польшей", "ru", ["RU", "PL"]),
        ("Nordkoreas Soldaten und Moskaus Antwort", "de", ["KP", "RU"]),
        ("les soldats de la Corée du Nord", "fr", ["KP"]),
        ("élections aux États-Unis", "fr", ["US"]),
        ("el acuerdo de Corea del Sur con Estados Unidos", "es", ["KR", "US"]),
        ("vojáci Severní Koreje v Rusku", "cs", ["KP", "RU"]),
        ("북한이 러시아에서 받은 것", "ko", ["KP", "RU"]),
        ("北朝鮮とロシア", "ja", ["KP", "RU"]),
        ("朝鲜和俄罗斯", "zh", ["KP", "RU"]),
        ("Rusya'nın Türkiye ile anlaşması", "tr", ["RU", "TR"]),
        ("ماذا وعدت روسيا كوريا الشمالية", "ar", ["RU", "KP"]),
    ],
)
def test_places_are_met_in_any_inflection(text, lang, expected):
    assert places(text, lang) == expected


def test_of_names_that_begin_alike_the_longest_is_meant():
    assert places("白俄罗斯", "zh") == ["BY"]
    assert places("flood in Northern Ireland", "en") == []
    assert places("flood in Ireland", "en") == ["IE"]


def test_a_part_of_a_name_is_no_place():
    assert places("what about Korea", "en") == []
    assert places("the north of the united states of mind", "en") == ["US"]
    assert places("a white paper about the house", "en") == []


def test_small_letters_are_no_obstacle_but_to_ordinary_words():
    assert places("what did russia promise north korea", "en") == ["RU", "KP"]
    assert places("how to roast a turkey", "en") == []
    assert places("earthquake in Turkey", "en") == ["TR"]
    assert places("najlepsze dania na święta", "pl") == []
    assert places("wybory, które wygrała Dania", "pl") == ["DK"]
    assert places("let us go", "en") == []
    assert places("the US election", "en") == ["US"]


def test_a_country_gives_its_seats_and_a_seat_its_country():
    assert {"pekin", "chrl"} <= set(telling_terms("CN", "pl"))
    assert alternatives("what did Russia promise", "en", "en") == {"russia": {"moscow", "kremlin"}}
    assert {"rosj", "kreml"} <= alternatives("co Moskwa daje", "pl", "pl")["moskwa"]
    assert "росі" in alternatives("what does the Kremlin want", "en", "uk")["kremlin"]


def test_seats_stand_for_the_word_of_the_question_that_names_the_place():
    assert alternatives("what does North Korea get", "en", "pl")["korea"] >= {"pjongjang", "phenian"}
    assert "pyongyang" in alternatives("Korea Północna dostaje", "pl", "en")["korea"]
    assert "riyadh" in alternatives("oil of Saudi Arabia", "en", "en")["saudi"]


def test_a_name_whose_words_mislead_alone_gives_none():
    found = telling_terms("KP", "en")
    assert set(found) == {"dprk", "pyongyang"}
    assert not {"white", "hous", "unit", "state"} & set(telling_terms("US", "en"))


def test_an_ordinary_word_gives_no_term_unless_it_mostly_is_the_place():
    assert "dan" not in telling_terms("DK", "pl")
    assert "turkey" in telling_terms("TR", "en")


def test_north_korea_is_not_met_as_seoul_nor_the_south_as_pyongyang():
    north = {term.key for term in expand("North Korea", "en", ["en", "de"])}
    south = {term.key for term in expand("South Korea", "en", ["en", "de"])}
    assert {"en:pyongyang", "de:pjongjang"} <= north and "en:seoul" not in north
    assert {"en:seoul", "de:seoul"} <= south and "en:pyongyang" not in south


def test_a_metonym_counts_less_than_the_word_and_says_so():
    found = {term.term: term for term in expand("Russia", "en", ["en"])}
    assert found["russia"].weight == found["russia"].probability == 1.0
    assert found["kremlin"].weight == found["kremlin"].probability == METONYM_WEIGHT == 0.5


def test_a_word_that_the_question_has_itself_counts_in_full():
    found = {term.term: term for term in expand("did Russia or the Kremlin", "en", ["en"])}
    assert found["kremlin"].weight == 1.0 and found["kremlin"].source == "kremlin"


def test_a_question_of_unknown_language_is_read_in_each_of_the_archive():
    found = {term.key for term in expand("Putin Pjongjang", "und", ["pl", "en"])}
    assert {"pl:phenian", "en:pyongyang"} <= found
    assert "en:pyongyang" not in {term.key for term in expand("Putin Pjongjang", "und", ["en"])}


def test_a_language_outside_the_table_has_no_places():
    assert places("Rusland", "nl") == []
    assert telling_terms("RU", "nl") == ()


def rows():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))


def cells():
    for row in rows():
        for lang in list(row)[2:]:
            yield row["place"], lang, [name for name in row[lang].split("/") if name]


def test_every_row_of_the_table_is_whole():
    for row in rows():
        assert None not in row and None not in row.values(), row["place"]
        assert row["kind"] in ("name", "seat")


def test_every_name_gives_terms_and_what_is_marked_one():
    for place, lang, names in cells():
        for name in names:
            assert terms(re.sub(r"[\[\]?]", "", name), lang), (place, lang, name)
            if marked := re.search(r"\[(.+)\]", name):
                assert len(terms(marked[1], lang)) == 1, (place, lang, name)


def test_no_name_belongs_to_two_places():
    owners = {}
    for place, lang, names in cells():
        for name in names:
            row_of_terms = (lang, *terms(re.sub(r"[\[\]?]", "", name), lang))
            assert owners.setdefault(row_of_terms, place) == place, (name, lang)
