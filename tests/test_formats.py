"""Indexes that earlier versions wrote open and answer, or say exactly what to run, and that then works."""

import json
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ARTICLES

from backissue.api.diagnose import repair
from backissue.indexer import Indexer
from backissue.indexer.database import Database, content_hash
from backissue.search import Archive, FormatVersionError, ModelMismatchError

FORMATS = sorted(Path(__file__).with_name("formats").glob("format-*.tar.xz"))
HELD = {article.id: article for article in ARTICLES if article.id != "uk-dam"}


@pytest.fixture(params=FORMATS, ids=lambda path: path.name.partition(".")[0])
def index(request, tmp_path):
    with tarfile.open(request.param) as files:
        files.extractall(tmp_path / "index", filter="data")
    return tmp_path / "index"


def look(index: Path) -> None:
    with Archive.open(index) as archive:
        assert archive.stats()["articles"] == len(HELD)
        for key, article in HELD.items():
            assert archive.article(key) == article
        for mode in ("lexical", "semantic"):
            first = archive.search("train crosses the border", mode=mode, rerank="off").hits[0]
            assert first.article.id in ("en-train", "pl-arms")
        assert archive.search("tramwaje", mode="lexical", rerank="off").hits[0].article.id == "pl-tram"


def test_an_index_of_an_earlier_version_opens_or_says_what_to_run(index):
    try:
        look(index)
    except (FormatVersionError, ModelMismatchError) as error:
        assert "Run: backissue rebuild" in str(error)
        Indexer(index).rebuild()
        look(index)
    Indexer(index).add([ARTICLES[2]])
    with Archive.open(index) as archive:
        assert archive.stats()["articles"] == len(HELD) + 1
    assert [one for one in Indexer(index).check(full=True) if one.level == "error"] == []


def test_what_an_earlier_version_kept_stands_beside_what_this_one_adds(index):
    Indexer(index).rebuild()
    copied = replace(HELD["en-train"], id="copy", source="Gazette")
    Indexer(index).add([copied])
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        families = dict(connection.execute("SELECT id, family FROM articles"))
        lengths = [
            n for (n,) in connection.execute("SELECT length(vector) FROM passages WHERE typeof(vector) = 'blob'")
        ]
    assert families.pop("copy") == families["en-train"]
    assert len(set(families.values())) == len(HELD)
    assert lengths == [256]  # what was there is in a file; what was added is not yet
    Indexer(index).rebuild()
    look_at = Indexer(index).check(full=True)
    assert [one for one in look_at if one.level != "ok"] == []
    Indexer(index).delete(["copy"])
    look(index)


def test_texts_of_an_earlier_version_are_kept_whole_and_no_row_is_given_twice(index):
    long = replace(HELD["en-train"], text="The train of the border crosses the long bridge. " * 3000)
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        (last,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'articles'").fetchone()
        connection.execute(
            "UPDATE articles SET text = ?, hash = ? WHERE id = ?", (long.text, content_hash(long), long.id)
        )
        connection.execute("DELETE FROM passages WHERE article = (SELECT row FROM articles WHERE id = ?)", (long.id,))
        connection.commit()
    Indexer(index).rebuild()
    with Archive.open(index) as archive:
        assert archive.article(long.id) == long
        spans = archive.passage_spans(long.id)
        hit = archive.search("train crosses the border", mode="lexical", rerank="off", passages=100).hits[0]
    assert len(spans) > 100
    assert all(one.text == long.text[one.start : one.end] for one in hit.passages if hit.article.id == long.id)
    Indexer(index).add([ARTICLES[2]])
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        (row,) = connection.execute("SELECT row FROM articles WHERE id = ?", (ARTICLES[2].id,)).fetchone()
    assert row == last + 1
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []


def test_a_backup_of_an_earlier_version_is_restored(index, tmp_path):
    backup = index / "archive.db"
    content = backup.read_bytes()
    Indexer(tmp_path / "other").restore(backup)
    look(tmp_path / "other")
    assert sorted(path.name for path in (tmp_path / "other").glob("*.tmp*")) == []
    assert backup.read_bytes() == content


def test_a_generation_of_a_later_version_says_what_to_run(index):
    Database.open(index / "archive.db").close()
    for path in (index / "generations").glob("*/manifest.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(FormatVersionError, match=r"format 99; .*Run: backissue rebuild"):
        Archive.open(index)
    assert "built anew" in repair(index)
    look(index)


def test_an_archive_of_a_later_version_is_left_alone(index):
    connection = sqlite3.connect(index / "archive.db")
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'")
    connection.commit()
    connection.close()
    for verb in (lambda: Archive.open(index), lambda: Indexer(index).add([ARTICLES[2]]), Indexer(index).rebuild):
        with pytest.raises(FormatVersionError, match=r"format 99; .*use the version that wrote this one"):
            verb()
