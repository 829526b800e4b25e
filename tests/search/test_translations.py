"""The table of translations: what is packed comes out, what is broken is named."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search import translations
from backissue.search.analysis import terms
from backissue.search.errors import FormatVersionError, IndexCorruptError
from backissue.search.translations import Translations, pack

TABLES = {
    ("en", "pl"): {"return": [("zamian", 0.6), ("powrot", 0.4)], "shell": [("pocisk", 1.0)]},
    ("pl", "en"): {"zamian": [("exchang", 0.5), ("return", 0.5)], "pocisk": [("shell", 1.0)]},
    ("en", "uk"): {"exchang": [("обмін", 1.0)], "return": [("поверн", 0.8), ("обмін", 0.2)]},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "translations.bin"
    path.write_bytes(pack(TABLES))
    return path


def test_translations_come_back_best_first(path: Path) -> None:
    found = Translations.open(path).translate("return", "en", "pl")
    assert [term for term, _ in found] == ["zamian", "powrot"]
    assert [probability for _, probability in found] == pytest.approx([0.6, 0.4], abs=1 / 255)


def test_languages_without_a_table_meet_in_english(path: Path) -> None:
    # zamian → exchang → обмін: 0.5 × 1; zamian → return → поверн: 0.5 × 0.8, → обмін: 0.5 × 0.2
    found = dict(Translations.open(path).translate("zamian", "pl", "uk"))
    assert list(found) == ["обмін", "поверн"]
    assert found["обмін"] == pytest.approx(0.6, abs=0.01)
    assert found["поверн"] == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("term", "source", "target"),
    [
        ("return", "en", "en"),
        ("submarin", "en", "pl"),
        ("return", "en", "fi"),
        ("return", "fi", "pl"),
        ("", "en", "pl"),
        ("\ud800", "en", "pl"),
        ("обмін", "uk", "pl"),
    ],
)
def test_what_is_unknown_has_no_translation(path: Path, term: str, source: str, target: str) -> None:
    assert Translations.open(path).translate(term, source, target) == ()


def test_pairs(path: Path) -> None:
    assert Translations.open(path).pairs == {("en", "pl"), ("pl", "en"), ("en", "uk")}


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ways = st.dictionaries(words, st.integers(1, 255), min_size=1, max_size=5)


@given(st.dictionaries(words, ways, min_size=1, max_size=150))
def test_everything_packed_is_found(table: dict[str, dict[str, int]]) -> None:
    packed = {term: [(way, n / 255) for way, n in found.items()] for term, found in table.items()}
    opened = Translations(pack({("en", "de"): packed}), Path("t"))
    for term, found in packed.items():
        assert sorted(opened.translate(term, "en", "de")) == sorted(found)


def test_terms_of_another_analysis_are_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translations, "TERMS_VERSION", translations.TERMS_VERSION + 1)
    old = Translations.open(path)
    assert not old.usable
    assert str(path) in old.explanation
    assert old.translate("return", "en", "pl") == ()


def test_a_good_file_verifies(path: Path) -> None:
    opened = Translations.open(path)
    opened.verify()
    assert opened.usable
    assert opened.explanation == ""


@pytest.mark.parametrize("content", [b"", b"BKISTRAN", b"PK\x03\x04" * 20])
def test_another_file_is_named(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(content)
    with pytest.raises(IndexCorruptError, match=r"other\.bin"):
        Translations.open(other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexCorruptError, match=r"none\.bin"):
        Translations.open(tmp_path / "none.bin")


def test_a_cut_file_is_refused_wherever_it_is_cut(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexCorruptError):
            Translations.open(path)


def test_a_changed_header_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexCorruptError, match="header"):
        Translations.open(path)


def test_a_changed_translation_is_found_by_verify(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexCorruptError, match="changed"):
        Translations.open(path).verify()


def test_another_format_is_named(path: Path) -> None:
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 8, 99)
    path.write_bytes(content)
    with pytest.raises(FormatVersionError, match="99"):
        Translations.open(path)


def bundled(word: str, source: str, target: str) -> set[str]:
    (term,) = terms(word, source)
    return {way for way, _ in Translations.bundled().translate(term, source, target)}


@pytest.mark.parametrize(
    ("word", "source", "target", "translation"),
    [
        ("return", "en", "pl", "zwrot"),
        ("food", "en", "pl", "żywność"),
        ("treaty", "en", "pl", "traktat"),
        ("flood", "en", "pl", "powódź"),
        ("missile", "en", "pl", "rakieta"),
        ("north", "en", "uk", "північ"),
        ("war", "en", "de", "Krieg"),
        ("government", "en", "fr", "gouvernement"),
        ("election", "en", "es", "elección"),
        ("flood", "en", "ru", "наводнение"),
        ("powódź", "pl", "en", "flood"),
        ("wojna", "pl", "uk", "війна"),
        ("Krieg", "de", "fr", "guerre"),
        ("Pyongyang", "en", "pl", "Pjongjang"),
        ("Munich", "en", "pl", "Monachium"),
        ("war", "en", "zh", "战争"),
    ],
)
def test_the_bundled_table_knows_everyday_news(word: str, source: str, target: str, translation: str) -> None:
    assert set(terms(translation, target)) <= bundled(word, source, target)


def test_the_bundled_table_is_whole() -> None:
    table = Translations.bundled()
    table.verify()
    assert table.usable
    assert all(("en", lang) in table.pairs and (lang, "en") in table.pairs for lang in ("pl", "uk", "ru", "de", "ko"))
