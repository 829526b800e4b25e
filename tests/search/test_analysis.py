import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search.analysis import (
    analyse,
    forms,
    hashes,
    key_of_term,
    name_tokens,
    occurrences,
    stemmed_langs,
    stop_words,
    surface,
    terms,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
WORDS = st.lists(
    st.sampled_from(
        [
            "Łódź",
            "don't",
            "l'homme",
            "O'Brien",
            "F-16",
            "1,200",
            "3,5",
            "13.09.2023",
            "북한은",
            "北朝鮮と",
            "Пхеньяну",
            "п'ять",
            "ประเทศ",
            "हिन्दी",
            'צה"ל',
            "so\xadlu\xadtion",
            "U.S.",
            "été",
            "ｶﾞﾗｽ",
            "\u200bword",
            "ﷺ",
            "⑴",
            "_x_",
            "ß",
            "İ",
            "�",
        ]
    ),
    max_size=12,
).map(" ".join)
LANGS = st.sampled_from(["en", "pl", "uk", "ru", "ar", "fr", "tr", "vi", "ja", "ko", "zh", "de", "he", "und", "xx"])


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "What does North Korea get in return?", "north korea get return"),
        ("en", "The U.S. and the US told us; WHO knows who", "us us told who know"),
        ("en", "don’t shouldn't Putin's O'Brien", "putin o brien"),
        ("pl", "w Łodzi i Łódź", "lodz lodz"),
        ("pl", "Kim Dzong Un, m.in. u Biden'a i Johnson'em", "kim dzong un biden johnson"),
        ("fr", "L’homme qu'il n'est pas aujourd'hui", "homm"),
        ("de", "Die Straße, der Strasse", "strass strass"),
        ("no", "Ærlig Øst på Ål", "aerl ost al"),
        ("tr", "Ankara'da İstanbul'un IŞIK", "ankar istanbul isik"),
        ("el", "της Ελλάδας στην Αθήνα", "ελλαδ αθην"),
        ("ar", "الرَّئِيسُ في الرئيس", "رييس رييس"),
        ("he", 'צה"ל שָׁלוֹם צה״ל', "צהל שלום צהל"),
        ("hi", "उत्तर कोरिया को क्या मिलता है", "उत्तर कोरिय मिल"),
        ("vi", "Đường và dương", "đường dương"),
        ("zh", "普京访问平壤", "普京 京访 访问 问平 平壤"),
        ("ja", "平壌を訪問", "平壌 壌を を訪 訪問"),
        ("ja", "ｶﾞﾗｽ ガラス", "ガラ ラス ガラ ラス"),
        ("ko", "북한은 왜 무기를", "북한 한은 무기 기를"),
        ("ko", "김 씨", "김 씨"),
        ("th", "ไทย", "ไท ทย"),
        ("und", "The Dogs", "the dogs"),
        ("en", "F-16 F16 F\u201116 COVID-19", "f16 f 16 f16 f16 f 16 covid19 covid 19"),
        ("en", "1,200 1.200 3,5 3.5 13.09.2023 2023-09-13", "1200 1200 3.5 3.5 13 09 2023 2023 09 13"),
        ("en", "٢٠٢٣ ２０２３", "2023 2023"),
        ("en", "so\u00adlution so\u200blution foo_bar ﬁnd", "solut solut foo bar find"),
        ("en", "e\u0301te\u0301 été", "ete ete"),
    ],
)
def test_terms(lang, text, expected):
    assert terms(text, lang) == expected.split()


@pytest.mark.parametrize(
    ("lang", "forms"),
    [
        ("pl", "Pjongjang Pjongjangu Pjongjangiem Pjongjangowi"),
        ("pl", "amunicja amunicji amunicję amunicją Amunicje"),
        ("ru", "Корея Кореи Корее Корею Кореей корейский корейского"),
        ("ru", "Россия России Россию Россией российский российская российских"),
        ("ru", "Пхеньян Пхеньяна Пхеньяну Пхеньяном Пхеньяне"),
        ("ru", "ракета ракеты ракету ракетой ракет"),
        ("ru", "Иран Ирана Ирану Ираном Иране иранский"),
        ("ru", "генерал генерала генералу генералом генералы"),
        ("ru", "страна страны страну страной странах"),
        ("ru", "Афганистан Афганистана Афганистану Афганистаном"),
        ("ru", "подписал подписала подписали подписать подписан подписаны"),
        ("ru", "ёлка елка"),
        ("uk", "Україна України Україні Україну Україною український української"),
        ("uk", "Пхеньян Пхеньяна Пхеньяну Пхеньяном Пхеньяні"),
        ("uk", "росія росії росію росією російський російського російська російських"),
        ("uk", "Корея Кореї Корею Кореєю корейський"),
        ("uk", "Київ Києва Києву Києві Києвом київський"),
        ("uk", "Харків Харкова Харкові Харковом харківська"),
        ("uk", "Америка Америки Америці Америкою"),
        ("uk", "питання питань питанням питаннями"),
        ("uk", "п'ять п’ять пʼять"),
        ("uk", "ракета ракети ракету ракетою ракет ракетами"),
        ("uk", "Путін Путіна Путіну Путіним"),
        ("cs", "vláda vlády vládu vládou"),
        ("sk", "vláda vlády vládu vládou"),
        ("de", "Rakete Raketen"),
        ("es", "misil misiles"),
    ],
)
def test_inflected_forms_meet(lang, forms):
    assert len({tuple(terms(form, lang)) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("lang", "one", "other"), [("uk", "йод", "іод"), ("uk", "їжак", "іжак"), ("ru", "край", "краи")]
)
def test_cyrillic_letters_with_marks_stay_letters(lang, one, other):
    assert surface(one)[0].term != surface(other)[0].term


def test_offsets_are_those_of_the_given_text():
    text = "😀 So\u00adlution: l’État, F-16…"
    assert [(t.term, text[t.start : t.end]) for t in analyse(text, "fr")] == [
        ("solut", "So\u00adlution"),
        ("etat", "État"),
        ("f16", "F-16"),
        ("f", "F"),
        ("16", "16"),
    ]


def test_surface_keeps_every_word_unstemmed():
    assert [t.term for t in surface("The US leaders, O'Brien’s; 北朝鮮 북한 Łódź")] == (
        ["the", "us", "leaders", "o", "brien", "s", "北", "朝", "鮮", "북", "한", "lodz"]
    )


def test_a_phrase_is_found_whatever_its_case_accents_and_apostrophes():
    phrase = [t.term for t in surface("l'état major")]
    found = [t.term for t in surface("Selon l’ÉTAT-MAJOR russe")]
    assert found[1:4] == phrase[:3]


@pytest.mark.parametrize(
    "lang",
    [
        "pl",
        "en",
        "uk",
        "ru",
        "de",
        "fr",
        "es",
        "cs",
        "it",
        "pt",
        "nl",
        "tr",
        "ar",
        "zh",
        "ja",
        "ko",
        "sk",
        "hu",
        "ro",
        "sv",
        "da",
        "fi",
        "no",
        "el",
        "hi",
        "vi",
    ],
)
def test_questions_words_are_stop_words(lang):
    assert len(stop_words(lang)) > 50
    assert terms(" ".join(sorted(stop_words(lang))), lang) == []


def test_unknown_languages_have_no_stop_words():
    assert stop_words("xx") == stop_words("und") == frozenset()


def test_stemmed_languages():
    assert {"pl", "en", "uk", "ru", "sk", "de"} <= stemmed_langs()
    assert not {"ko", "zh", "ja", "und"} & stemmed_langs()


@given(ANY_TEXT | WORDS, LANGS)
def test_tokens_lie_in_the_text_in_order(text, lang):
    for tokens in (analyse(text, lang), surface(text)):
        assert all(0 <= t.start < t.end <= len(text) for t in tokens)
        assert [t.start for t in tokens] == sorted(t.start for t in tokens)
        assert all(t.term and not any(c.isspace() or c in ":\x1f" for c in t.term) for t in tokens)


@given(ANY_TEXT | WORDS, LANGS)
def test_terms_are_those_of_the_tokens(text, lang):
    assert terms(text, lang) == [token.term for token in analyse(text, lang)]


@given(WORDS, WORDS, LANGS)
def test_a_text_gives_the_terms_of_its_parts(left, right, lang):
    assert terms(f"{left}\n{right}", lang) == terms(left, lang) + terms(right, lang)


@given(st.text(st.characters(categories=("L", "N", "M")), max_size=30), LANGS)
def test_no_letter_is_lost_from_the_surface(word, lang):
    covered = {i for t in surface(word) for i in range(t.start, t.end)}
    assert all(i in covered for i, c in enumerate(word) if c.isalpha() and c not in "ʼʻ" and ord(c) != 65440)


def test_gigantic_words_are_cut():
    assert {len(term) for term in terms("a" * 1_000_000, "en")} == {64}


def test_threads_agree():
    text = "Ракеты Украины долетели до российских складов " * 50
    expected = terms(text, "ru")
    got = []
    threads = [threading.Thread(target=lambda: got.append(terms(text, "ru"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 8


@given(
    st.text(alphabet="aAżŻ łé'’-.,0 \u0301한국中文日я", max_size=60),
    st.sampled_from(["pl", "en", "ko", "zh", "ru", "tr"]),
)
def test_occurrences_are_the_tokens_that_are_wanted_and_forms_are_terms_and_words(text, lang):
    tokens = analyse(text, lang)
    wanted = {token.term for token in tokens[::2]}
    assert occurrences(text, lang, wanted) == [token for token in tokens if token.term in wanted]
    named = name_tokens(text, lang)
    everything = sorted([*tokens, *named], key=lambda token: token.start)
    found = occurrences(text, lang, {token.term for token in everything})
    assert sorted(found) == sorted(everything)
    keys, words, hashed = forms(text, lang)
    assert sorted(keys.split(" ")) == (sorted(key_of_term(token.term, lang) for token in everything) or [""])
    assert words.split(" ") == ([token.term for token in surface(text)] or [""])
    assert len(hashed) == 4 * len(everything)
    assert hashes(text, lang) == hashed


def test_names_lie_where_they_are_written():
    text = "Wczoraj D'Angelo i Zełenskiego witano; the F-16 of Newcastle"
    assert {(token.term, text[token.start : token.end]) for token in name_tokens(text, "pl")} == {
        ("~fSr", "Wczoraj"),
        ("~ngl", "Angelo"),
        ("~slnsg", "Zełenskiego"),
        ("~nfgstl", "Newcastle"),
    }
    assert [text for text in ["ロシア", "露"] if name_tokens(text, "ja")] == []
    japanese = "昨日ゼレンスキー大統領は"
    assert [(t.term, japanese[t.start : t.end]) for t in name_tokens(japanese, "ja")] == [("~srnsg", "ゼレンスキー")]
