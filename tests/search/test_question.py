import pytest

from backissue.search import sounds
from backissue.search.query import parse
from backissue.search.question import (
    HEARD_MAX,
    KNOWN_SOUND_WEIGHT,
    NAME_WEIGHT,
    ROOT_WEIGHT,
    SOUND_WEIGHT,
    TRANSLATION_EXPONENT,
    expand,
    understand,
)
from backissue.search.translations import Translations


class Dictionary(Translations):
    """A table of a few words."""

    def __init__(self, entries):
        self._entries = entries

    def translate(self, term, source, target):
        return self._entries.get((term, source, target), ())


WORDS = Dictionary(
    {
        ("return", "en", "pl"): (("zamian", 0.31), ("powrot", 0.5)),
        ("korea", "en", "pl"): (("kore", 1.0),),
    }
)


def weights(text, lang, langs):
    return {term.key: term.weight for term in expand(text, lang, langs, WORDS) if not term.term.startswith(sounds.MARK)}


def heard(text, lang, langs):
    found = expand(text, lang, langs, WORDS)
    return {(term.key, term.source): term.weight for term in found if term.term.startswith(sounds.MARK)}


def test_in_its_own_language_a_question_is_its_terms():
    assert weights("what does it get in return", "en", ["en"]) == {"en:get": 1.0, "en:return": 1.0}


def test_in_another_language_words_are_their_translations():
    assert weights("in return", "en", ["pl"]) == {
        "pl:zamian": pytest.approx(0.31**TRANSLATION_EXPONENT),
        "pl:powrot": pytest.approx(0.5**TRANSLATION_EXPONENT),
    }


def test_names_and_numbers_also_stand_for_themselves():
    found = weights("the return of Return in 2023", "en", ["pl"])
    assert found["pl:return"] == NAME_WEIGHT
    assert found["pl:2023"] == 1.0


def test_a_capital_that_only_begins_the_question_makes_no_name():
    assert "pl:return" not in weights("Return of the prodigal", "en", ["pl"])


def test_a_word_without_a_translation_stays_as_it_is():
    assert weights("Malligyong", "en", ["pl"]) == {"pl:malligyong": 1.0}


def test_the_questions_stop_words_are_no_words_of_another_language():
    assert "pl:to" not in weights("how to get to Rajin", "en", ["pl"])


def test_a_question_of_names_is_read_in_every_language_alike():
    question = understand(parse("Putin Pyongyang"), ["pl", "en"], None, Translations.bundled())
    assert question.lang == "und"
    assert {term.lang for term in question.terms} == {"pl", "en"}
    written = [term for term in question.terms if not term.term.startswith(sounds.MARK)]
    assert {term.term for term in written} == {"putin", "pyongyang"}
    assert all(term.weight == 1.0 for term in written)
    assert {term.source for term in question.terms if term not in written} == {"putin", "pyongyang"}
    assert question.vector is None


def test_names_and_unknown_words_are_met_by_their_sound_in_another_language():
    assert heard("what did korea give to Malligyong and Korea", "en", ["pl"]) == {
        ("pl:~mlgn", "malligyong"): SOUND_WEIGHT,
        ("pl:~mlSn", "malligyong"): SOUND_WEIGHT,
    }
    assert heard("a talk with Korean Beret", "en", ["pl"])[("pl:~brt", "beret")] == SOUND_WEIGHT


def test_a_name_with_a_translation_counts_less_by_its_sound():
    known = Dictionary({("zelenski", "en", "uk"): (("зеленськ", 1.0),)})
    found = {
        one.term: one.weight for one in expand("the visit of Zelenski", "en", ["uk"], known) if one.source != "visit"
    }
    keys = dict.fromkeys(sounds.keys("Zelenski", "uk"), KNOWN_SOUND_WEIGHT)
    assert found == {"зеленськ": 1.0, "zelenski": NAME_WEIGHT, **keys}


def test_a_japanese_question_has_the_names_between_its_pairs_of_characters():
    assert ("uk:~slnsg", "ゼレンスキー") in heard("ゼレンスキー大統領の発言", "ja", ["uk"])


def test_only_so_many_words_are_met_by_their_sound():
    words = " ".join(f"B{a}r{b}k" for a in "abcdefghi" for b in "abcdefghi")
    found = expand(words, "en", ["pl"], WORDS)
    assert len({term.source for term in found if not term.term.startswith(sounds.MARK)}) == 81
    assert len({term.source for term in found if term.term.startswith(sounds.MARK)}) <= HEARD_MAX


def test_in_arabic_words_are_met_by_their_roots():
    books = {"ar:~gtb"}  # kitāb, a book, and kutub, books
    assert books <= {key for key, _ in heard("أين الكتاب", "ar", ["ar"])} & {
        key for key, _ in heard("كتب", "ar", ["ar"])
    }
    known = Dictionary({("book", "en", "ar"): (("كتاب", 1.0),)})
    assert {one.term: one.weight for one in expand("books", "en", ["ar"], known)} == {"كتاب": 1.0, "~gtb": ROOT_WEIGHT}


def test_in_its_own_language_and_as_words_are_nothing_is_met_by_its_sound():
    assert heard("the visit of Zelensky", "en", ["en"]) == {}
    assert {term.term for term in expand("the visit of Zelensky", "en", ["uk"])} == {"visit", "zelensky"}


def test_a_question_knows_its_language_and_what_it_can_read():
    question = understand(parse("what does North Korea get in return"), ["pl", "en"], None, Translations.bundled())
    assert question.lang == "en"
    assert question.reads("en") and not question.reads("pl")
