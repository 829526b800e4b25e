from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_onnx import write_tiny_onnx

from backissue.indexer import Indexer
from backissue.search import Archive, Article
from backissue.search.embedding import StaticEmbedder

ARTICLES = (
    Article(
        id="pl-arms",
        lang="pl",
        title="Pociąg z Pjongjangu",
        published="2023-09-14",
        source="Kurier",
        section="Świat",
        author="Anna Łącka",
        text=(
            "Pancerny pociąg przekroczył granicę nad ranem. Rozmowy na kosmodromie trwały pięć godzin.\n\n"
            "W zamian za pociski artyleryjskie Korea Północna ma dostać żywność, ropę i pomoc przy budowie satelitów. "
            "Kreml niczego nie potwierdził."
        ),
    ),
    Article(
        id="en-train",
        lang="en",
        title="Armoured train crosses the border",
        published="2023-09-12T08:30:00+09:00",
        source="Tribune",
        section="World",
        author="John O'Neill",
        url="https://example.org/train",
        text=(
            "The armoured train of Kim Jong Un crossed the border at dawn. It travels at sixty kilometres an hour. "
            "Officials in Vladivostok cleaned the station and rolled out a red carpet."
        ),
    ),
    Article(
        id="uk-dam",
        lang="uk",
        title="Вода пішла на села",
        published="2023-06-06",
        source="Вісник",
        text=(
            "Каховську дамбу зруйновано вночі. Вода затопила десятки сіл нижче за течією, людей вивозять автобусами. "
            "Рівень води у водосховищі падає на п'ятнадцять сантиметрів за годину."
        ),
    ),
    Article(
        id="en-dam",
        lang="en",
        title="Reservoir drains after dam collapse",
        published="2023-06-08",
        source="Tribune",
        section="World",
        text=(
            "The reservoir behind the broken dam is draining fast. Farmers in the south fear for their melons, "
            "because the canals that water the fields will run dry."
        ),
    ),
    Article(
        id="pl-tram",
        lang="pl",
        title="Tramwaj wraca na most",
        published="2024-05-02",
        source="Kurier",
        section="Miasto",
        author="Jan Nowak",
        text=(
            "Po trzech latach remontu tramwaje linii 7 wróciły na most Zwierzyniecki. Pierwszy kurs ruszył o czwartej "
            "rano. Remont kosztował osiemdziesiąt milionów złotych."
        ),
    ),
    Article(
        id="de-reed",
        lang="de",
        title="",
        text=(
            "Die Fische in der Oder sterben, weil eine giftige Alge im salzigen Wasser wächst. Freiwillige sammeln "
            "tote Tiere aus dem Schilf."
        ),
    ),
)


@pytest.fixture(scope="session")
def embedder() -> StaticEmbedder:
    return StaticEmbedder.bundled()


@pytest.fixture(scope="session")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of `ARTICLES`. Tests that write to one make their own."""
    path = tmp_path_factory.mktemp("small") / "index"
    Indexer(path).rebuild(ARTICLES)
    return path


@pytest.fixture
def archive(small_index: Path) -> Iterator[Archive]:
    with Archive.open(small_index) as opened:
        yield opened


@pytest.fixture(scope="session")
def tiny_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer with random weights in ONNX, with prompts in its configuration."""
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    folder = tmp_path_factory.mktemp("onnx")
    write_tiny_onnx(folder, {"query": "for : ", "document": "food : "})
    return folder


@pytest.fixture
def no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `deep` were not installed."""
    real_import = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("onnxruntime"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
