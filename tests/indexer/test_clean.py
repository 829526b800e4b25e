import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.indexer.clean import clean, clean_line, clean_text, first_words
from backissue.search.types import Article

STORY = (
    "The harbour of Lesna was closed on Tuesday evening. Two ferries waited outside until the wind dropped.\n\n"
    "Nobody was hurt, the harbour master said, but a crane lost its arm and fell across the northern quay."
)
WORDS = STORY.split("\n\n")


def surrounded(*dirt: str) -> str:
    return "\n\n".join((WORDS[0], *dirt, WORDS[1]))


@pytest.mark.parametrize(
    "line",
    [
        "ZOBACZ: Burza zamknęła port. Promy czekają na redzie",
        "Zobacz także: Burza zamknęła port",
        "Czytaj też: Burza zamknęła port",
        "Przeczytaj również Burza zamknęła port w Leśnej",
        "Read also: Storm closes harbour",
        "READ MORE: Storm closes harbour",
        "See also » Storm closes harbour",
        "Lesen Sie auch: Sturm schließt Hafen",
        "Lire aussi : La tempête ferme le port",
        "Lea también: La tormenta cierra el puerto",
        "Читайте також: Буря закрила порт",
        "Читайте также: Буря закрыла порт",
        "관련기사: 폭풍으로 항구 폐쇄",
        "関連記事：嵐で港が閉鎖",
        "WIDEO: Burza nad portem Twoja przeglądarka nie wspiera odtwarzacza wideo...",
        "Your browser does not support the video tag.",
        "Reklama",
        "ADVERTISEMENT",
        "© 2023 Harbour Daily. All rights reserved.",
        "Copyright © 2023 Harbour Daily",
        "Wszelkie prawa zastrzeżone",
        "Harbour Daily 2019, all rights reserved",
        "©℗",
        "Sign up for our morning newsletter",
        "Zobacz również: Ceny truskawek biją rekordy.",
        "HARBOUR DAILY | World | Reports",
        "Підписуйтеся на наш канал, щоб нічого не пропустити.",
    ],
)
def test_lines_that_are_not_the_story_go(line: str) -> None:
    assert clean_text(surrounded(line)) == STORY


@pytest.mark.parametrize(
    "tail",
    [
        " (PAP)",
        " REUTER",
        " Reuter &#3;",
        "\n\nREUTERS",
        " (Reuters, AFP)",
        "\n\nŹródło: PAP",
        "\n\nSource: AFP, own reporting",
        "\n\nQuelle: dpa",
        "\n\nДжерело: Укрінформ",
        " (PAP)\n\nab/ cd/",
        " red. / daily.pl",
        "\n\nab/cd / daily.pl / PAP",
        " ab / cd / daily.pl",
        "\n\nOprac. ABC.",
        " Zobacz również: Ceny truskawek biją rekordy.",
        "\n\n© Reuters",
        " ©℗",
        " © 2023 Harbour Daily. All rights reserved.",
        "\n\nWszelkie prawa zastrzeżone.",
        "\n\n(TASS)\n\nВсе права защищены",
    ],
)
def test_signatures_and_rights_at_the_end_go(tail: str) -> None:
    assert clean_text(STORY + tail) == STORY


@pytest.mark.parametrize(
    "sentence",
    [
        "Zobacz, jak rośnie most: tak mówiła wczoraj prezydent miasta do dzieci zebranych na brzegu rzeki.",
        "Zobacz też sam, ile pracy kosztowało odbudowanie tego portu po wielkiej burzy.",
        "Read more slowly, the teacher told the class, and the children laughed.",
        "See also how the northern quay was built: stone by stone, over nineteen years.",
        "Watch: that was the only word the captain shouted before the crane came down.",
        "All rights reserved for fishermen were lost in the fire of 1911, the mayor said.",
        "The mayor now works for Reuters.",
        "Contents of the hold were saved, among them four hundred crates of oranges.",
        "Standard Oil <SRD> said that it would pay.",
        "He earned 5 < 6 and 7 > 3, which is AT&T for you.",
        "Phillips Petroleum <P> and USAir Group <U> rose, as did Entertainment Marketing <EM> and <Video Shops Inc>.",
        "Sources: that is what every reporter needs.",
    ],
)
def test_sentences_of_the_story_stay(sentence: str) -> None:
    assert clean_text(surrounded(sentence)) == surrounded(sentence)
    assert clean_text(f"{STORY}\n\n{sentence}") == f"{STORY}\n\n{sentence}"


@pytest.mark.parametrize(
    ("flat", "kept"),
    [
        (
            "Port zamknięto wieczorem. ZOBACZ: Burza nad Bałtykiem. Promy czekają W nocy wiatr osłabł.",
            "Port zamknięto wieczorem. W nocy wiatr osłabł.",
        ),
        (
            'Port zamknięto wieczorem. ZOBACZ TAKŻE: Kapitan mówi. "To była długa noc" Dźwig runął na nabrzeże.',
            "Port zamknięto wieczorem. Dźwig runął na nabrzeże.",
        ),
        (
            "Port zamknięto wieczorem. ZOBACZ: Burza nad Bałtykiem. Kiedy ruszą promy? Dźwig runął na nabrzeże.",
            "Port zamknięto wieczorem. Dźwig runął na nabrzeże.",
        ),
        (
            "Port zamknięto wieczorem. ZOBACZ: Burza nad morzem. Promy czekają - Nikt nie ucierpiał - mówił kapitan.",
            "Port zamknięto wieczorem. - Nikt nie ucierpiał - mówił kapitan.",
        ),
        (
            "The port was closed. SEE ALSO: Storm over the Baltic. Ferries wait In the night the wind dropped.",
            "The port was closed. In the night the wind dropped.",
        ),
        ("Port zamknięto wieczorem. CZYTAJ TAKŻE: Burza nad Bałtykiem", "Port zamknięto wieczorem."),
    ],
)
def test_headlines_run_into_the_text_go(flat: str, kept: str) -> None:
    assert clean_text(f"{STORY} {flat}") == f"{STORY} {kept}"


def test_a_list_of_links_goes_with_its_marker() -> None:
    links = "Read also:\n- Storm closes harbour\n- Crane falls on quay\n- Ferries wait outside"
    assert clean_text(f"{STORY}\n\n{links}") == STORY


@pytest.mark.parametrize("heading", ["Table of contents", "Spis treści:", "Inhaltsverzeichnis", "Зміст", "CONTENTS"])
def test_contents_before_the_story_go(heading: str) -> None:
    assert clean_text(f"{heading}\n1. The storm\n2. The crane\n3. What comes next\n\n{STORY}") == STORY
    assert clean_text(f"{heading} 1. The storm 2. The crane 3. What comes next\n\n{STORY}") == STORY
    assert clean_text(f"{heading}\nThe storm\nThe crane\n\n{STORY}") == STORY


def test_contents_run_into_one_line_go_when_the_headings_come_again() -> None:
    story = "Storm over Lesna The harbour was closed. Crane on the quay Nobody was hurt, said the harbour master."
    assert clean_text(f"Spis treści Storm over Lesna Crane on the quay {story}") == story


def test_what_only_begins_like_contents_stays() -> None:
    assert clean_text(f"Contents unknown: the barrel of Lesna\n\n{STORY}").startswith("Contents unknown")


@pytest.mark.parametrize(
    ("dirty", "plain"),
    [
        ("Å»Ã³Å‚ta Å‚Ã³dÅº", "Żółta łódź"),
        ("Ĺ»Ăłlta Ĺ‚Ăłdka", "Żólta łódka"),
        ("The mayorâ€™s â€œbridgeâ€\x9d", "The mayor’s “bridge”"),
        ("RÃ©sumÃ© of the dÃ©bÃ¢cle", "Résumé of the débâcle"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
        ("har\xadbour and zero\u200bwidth\ufeff", "harbour and zerowidth"),
        ("two  spaces\tand\u00a0a\u202fthin one", "two spaces and a thin one"),
        ("Marks &amp; Spencer &lt;MKS&gt; &#8211; up &euro;2", "Marks & Spencer <MKS> – up €2"),
        ("nul\0 bell\x07 lone\ud800", "nul bell lone"),
        ("Za\u0307ółc\u0301", "Żaółć".replace("Ża", "Zȧ")),
        ("<p>One &amp; two</p><script>alert('x')</script><p>Three<br>four</p>", "One & two\n\nThree\n\nfour"),
        ("\u202eeno thgir", "eno thgir"),
    ],
)
def test_characters_are_mended(dirty: str, plain: str) -> None:
    assert clean_text(dirty) == plain


@pytest.mark.parametrize(
    "good",
    [
        "Zażółć gęślą jaźń – łódź, ćma, żółw, Óśmiogród, Ślęża i Źdźbło.",
        "L’été, à côté de la forêt; Ångström; Ñandú; Œuvre; Æro; ÄÖÜß.",
        "Мэр города объявил о строительстве № 5; під’їзд, ґанок, їжак, Європа.",
        "시장은 새 다리를 발표했다. 市长宣布。市長が発表した。",
        "می‌خواهم به خانه بروم",  # the joiner between the first two letters' groups is part of the spelling
        "Rozmowa o „Łódce” – 5 °C, 3 × 4, § 7, ±2 %, ½ litra, 10 µm, 20 £",
    ],
)
def test_good_characters_stay(good: str) -> None:
    assert clean_text(good) == good


def test_paragraphs_are_kept_and_wrapped_lines_are_joined() -> None:
    assert clean_text("One.\n\n\n\nTwo.\r\nThree.") == "One.\n\nTwo.\n\nThree."
    wrapped = (
        "The harbour of Lesna was closed on Tuesday\nevening. Two ferries waited outside until\nthe wind dropped "
        "and the harbour master\ncame back.\n\nNobody was hurt."
    )
    assert clean_text(wrapped) == wrapped.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")


def test_likely_boilerplate_never_takes_most_of_a_text() -> None:
    links = "\n".join(f"Read also: Storm number {n} closes the harbour of Lesna" for n in range(20))
    assert clean_text(f"A short note.\n{links}").count("Storm") == 20


def test_a_text_of_nothing_but_boilerplate_is_empty() -> None:
    assert clean_text("Wszelkie prawa zastrzeżone.\n\nReklama\n\n(PAP)") == ""


def test_a_title_that_opens_the_text_is_not_said_twice() -> None:
    article = clean(Article(id="1", title=" Storm &amp; crane ", text=f"Storm & crane\n\n{STORY}"))
    assert (article.title, article.text) == ("Storm & crane", STORY)


def test_other_fields_are_left_alone() -> None:
    article = Article("7", STORY, "Storm", "en", "2023-09-13", "Daily", "Anna Nowak", "Sea", "https://daily.example/7")
    assert clean(article) == article


def test_first_words() -> None:
    assert first_words(STORY) == "The harbour of Lesna was closed on Tuesday evening"
    assert first_words("word " * 60).endswith("word…")
    assert len(first_words("x" * 500)) <= 111
    assert first_words("Krótko") == "Krótko"


DIRT = (
    "ZOBACZ: |Read also: |Czytaj także|(PAP)| REUTER|©|℗|All rights reserved.|Spis treści|Table of contents|1. Storm"
    "|&amp;|&amp;amp;|&#3;|<p>|</p>|<br|Å‚|Ã³|â€™|\u200b|\xad|\u200d|Reklama|Source: AFP|red. / daily.pl| |  |. |?|„"
    "|The mayor spoke. |Nobody was hurt in the harbour|Żółć|Twoja przeglądarka nie wspiera |odtwarzacza wideo..."
    "|WIDEO: |Storm over Lesna|ab/ cd/|Copyright 2023 |\n|\n\n|- Nie|- item|<script>|</script>|<P>"
)
FRAGMENTS = st.sampled_from(DIRT.split("|"))


@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=12)), max_size=25).map("".join), st.text(max_size=30))
def test_cleaning_twice_changes_nothing(text: str, title: str) -> None:
    once = clean(Article(id="1", text=text, title=title))
    assert clean(once) == once
    assert clean_line(clean_line(text)) == clean_line(text)
    once_in_lines = clean_text(text, keep_lines=True)
    assert clean_text(once_in_lines, keep_lines=True) == once_in_lines


@given(st.text())
def test_what_is_stored_can_be_stored(text: str) -> None:
    stored = clean_text(text)
    stored.encode("utf-8")
    assert "\0" not in stored
    assert stored == stored.strip()
