import pytest

from backissue.search.cues import Cue, asked, holds, names, words

TIME, PLACE, PERSON, NUMBER, REASON = Cue


@pytest.mark.parametrize(
    ("question", "lang", "cues"),
    [
        ("When did Kim visit Russia?", "en", {TIME}),
        ("How many shells were sent, and why?", "en", {NUMBER, REASON}),
        ("Ile rakiet i w zamian za co?", "pl", {NUMBER, REASON}),
        ("Навіщо він приїхав?", "uk", {REASON}),
        ("Wie viele Menschen leben dort?", "de", {NUMBER}),
        ("有多少人?", "zh", {NUMBER}),
        ("왜 몇 명을 보냈나", "ko", {REASON, NUMBER}),
        ("Tell me about shells", "en", set()),
        ("Somewhere over the rainbow", "en", set()),
        ("When did Kim visit Russia?", "und", set()),
        ("When did Kim visit Russia?", None, set()),
        ("", "en", set()),
    ],
)
def test_what_a_question_asks_for(question, lang, cues):
    assert asked(question, lang) == cues


@pytest.mark.parametrize(
    ("sentence", "lang", "cues"),
    [
        ("Wysłali 400 rakiet.", "pl", {NUMBER}),
        ("It began in 1998.", "en", {NUMBER, TIME}),
        ("It has 19980 rooms.", "en", {NUMBER}),
        ("Zrobił to, bo musiał.", "pl", {REASON}),
        ("Yesterday the minister Anna Lis resigned.", "en", {TIME, PERSON, PLACE}),
        ("Nothing of it here.", "en", set()),
        ("", "en", set()),
    ],
)
def test_what_a_sentence_holds(sentence, lang, cues):
    assert {cue for cue in Cue if holds(sentence, cue, lang, frozenset())} == cues


def test_a_name_that_the_question_knows_tells_nothing():
    sentence = "Then Kim went home."
    assert holds(sentence, PERSON, "en", frozenset())
    assert not holds(sentence, PERSON, "en", words("Where did Kim go?"))


def test_the_first_word_of_a_sentence_is_no_name():
    assert names("Putin met Kim in Rajin.") == ["Kim", "Rajin"]


def test_every_language_has_all_its_cues():
    from backissue.search.cues import _words

    langs = {lang for lang, _ in _words()}
    kinds = {f"ask_{cue}" for cue in Cue} | {"time", "number", "reason"}
    assert {(lang, kind) for lang in langs for kind in kinds} == set(_words())
    assert len(langs) == 20
