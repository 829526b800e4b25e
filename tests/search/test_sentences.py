import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backissue.search.sentences import MAX_SENTENCE_CHARS, split_sentences

WORDS = [
    "Ala ma kota.",
    "r.",
    "m.in.",
    "J.",
    "13.",
    "„Tak!”",
    "– powiedział.",
    "。",
    "「はい。」",
    "...",
    "?!",
    ")",
    "(",
    '"',
    "a",
    "�",
    "😀",
    "́",
    "؟",
    "।",
]
SPACES = ["\n", "\n\n", "\r\n", "\u2029", "  ", "\x00", "\x0b", "\x85"]
PIECES = st.lists(st.sampled_from([*WORDS, *SPACES, "x" * 3000]), max_size=30)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | PIECES.map(" ".join) | PIECES.map("".join)


def sentences(text, lang):
    return [text[start:end] for start, end in split_sentences(text, lang)]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("pl", ["W 2023 r. Kim pojechał do Rosji.", "Wrócił po tygodniu."]),
        ("pl", ["Wzięli udział m.in. Kim i dr. Kowalski z ul. Długiej.", "To 5 mln. zł rocznie."]),
        ("pl", ["Rozmawiali prof. Nowak, gen. Polko, płk. Lis, ks. Wal i abp. Ryś.", "Potem wyszli."]),
        ("pl", ["Most im. J. Piłsudskiego otwarto o godz. 15 w tzw. centrum.", "Koniec."]),
        ("pl", ["Spotkali się 13. września.", "Padał deszcz."]),
        ("pl", ["„Tak!” – powiedział Kim.", "„Nie.”", "Wyszedł."]),
        ("pl", ["Urodził się w 1998 r.", "Mieszka w Łodzi."]),
        ("pl", ["Awansowali z grupy B.", "Teraz zagrają z Włochami."]),
        ("en", ["Mr. Smith of the U.S. Army came at 5 p.m. on Jan. 5.", "It was late."]),
        ("en", ['He said "Go."', "Then he left (by train.)", "She stayed."]),
        ("en", ['"Is it?" he asked.', "Nobody knew..."]),
        ("en", ["Profit rose 3.5 pct to 2.1 mln dlrs.", "Sales fell."]),
        ("de", ["Am 13. September kam z.B. Dr. Müller.", "Nr. 5 lebt."]),
        ("cs", ["Dne 13. září přijel např. prof. Novák.", "Bylo 5 hod. ráno."]),
        ("ru", ["В 2023 г. Путин, т.е. президент, приехал.", "А. С. Пушкин жил на ул. Мойка."]),
        ("uk", ["У 2023 р. Путін прибув, напр. потягом.", "Потім поїхав."]),
        ("fr", ["M. Macron est arrivé.", "Il a parlé à Mme. Le Pen."]),
        ("es", ["El Sr. García habló.", "¿Qué dijo?", "¡Nada!"]),
        ("it", ["Il dott. Rossi parla.", "Poi tace."]),
        ("ar", ["ماذا حدث؟", "ذهب الرئيس."]),
        ("hi", ["वह गया।", "क्या हुआ?"]),
        ("und", ["La trajno venis.", "Ĝi estis malrapida."]),
    ],
)
def test_sentences_of_a_line(lang, expected):
    assert sentences(" ".join(expected), lang) == expected


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("zh", ["普京访问平壤。", "你好吗？", "很好！"]),
        ("ja", ["彼は「行く。」と言った。", "そうです。"]),
    ],
)
def test_sentences_without_spaces(lang, expected):
    assert sentences("".join(expected), lang) == expected


def test_paragraphs_and_lines_are_borders():
    assert sentences("Kim w Rosji\nPrzyjechał pociągiem\n\n  Nowy akapit", "pl") == [
        "Kim w Rosji",
        "Przyjechał pociągiem",
        "Nowy akapit",
    ]


def test_wrapped_lines_are_not_borders():
    sentence = "The train carrying the leader of\nNorth Korea crossed the border on\nTuesday morning."
    assert sentences(f"{sentence} It was armoured\nand slow.", "en") == [sentence, "It was armoured\nand slow."]


def test_a_line_that_goes_on_in_lower_case_is_not_a_border():
    assert len(split_sentences("The leader of North Korea\nmet the president.", "en")) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_no_text_no_sentence(text):
    assert split_sentences(text, "pl") == []


def test_a_long_sentence_is_cut_at_clauses():
    clause = "a list of names without an end, "
    spans = split_sentences(clause * 500, "en")
    assert all(end - start <= MAX_SENTENCE_CHARS for start, end in spans)
    assert {clause.strip()[-1]} == {(clause * 500)[end - 1] for _, end in spans}


@pytest.mark.parametrize(
    "text", ["a" * 3_000_000, "a " * 1_500_000, "a. " * 1_000_000, "漢" * 1_000_000, "\n" * 3_000_000]
)
def test_gigantic_texts(text):
    spans = split_sentences(text, "en")
    assert sum(end - start for start, end in spans) >= sum(not c.isspace() for c in text)
    assert all(end - start <= MAX_SENTENCE_CHARS for start, end in spans)


@given(ANY_TEXT, st.sampled_from(["pl", "en", "de", "ja", "zh", "ru", "hi", "und", "xx", ""]))
@example("\x1c\x1d", "en")
def test_sentences_are_trimmed_ordered_disjoint_and_cover_the_text(text, lang):
    spans = split_sentences(text, lang)
    end_before = 0
    for start, end in spans:
        assert end_before <= start < end
        assert text[end_before:start].strip() == ""
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        assert end - start <= MAX_SENTENCE_CHARS
        end_before = end
    assert text[end_before:].strip() == ""
