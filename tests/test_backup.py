"""Backups: one file, taken while articles come and go, that brings back all that was acknowledged before it."""

import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from crash_child import answers_of, make_article

from backissue.indexer import Indexer
from backissue.indexer.database import PAGE_BYTES
from backissue.search import (
    Archive,
    Article,
    ArticleNotFoundError,
    FormatVersionError,
    IndexCorruptError,
    IndexNotFoundError,
    InvalidArgumentError,
)

WORDS = "the harbour council was seen again"


@pytest.fixture
def index(tmp_path):
    rng = random.Random(7)
    Indexer(tmp_path / "index").rebuild([make_article(rng, f"first-{n}") for n in range(12)])
    Indexer(tmp_path / "index").delete(["first-0"])
    return tmp_path / "index"


def articles_of(index: Path) -> int:
    with Archive.open(index) as archive:
        return archive.stats()["articles"]


def told(index: Path) -> list[dict]:
    with Archive.open(index) as archive:
        return answers_of(archive)


def test_a_backup_brings_back_the_archive(index, tmp_path):
    made = Indexer(index).backup(tmp_path / "backup.db")
    assert (made.articles, made.bytes) == (11, (tmp_path / "backup.db").stat().st_size)
    restored = Indexer(tmp_path / "elsewhere").restore(tmp_path / "backup.db")
    assert restored.articles == 11
    Indexer(index).rebuild()
    assert told(tmp_path / "elsewhere") == told(index)
    assert [one for one in Indexer(tmp_path / "elsewhere").check(full=True) if one.level != "ok"] == []
    assert sorted(path.name for path in tmp_path.glob("backup.db*")) == ["backup.db"]


def test_a_backup_with_pages_of_another_size_brings_back_the_archive(index, tmp_path):
    Indexer(index).backup(tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "backup.db")) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("VACUUM")
    answers = told(index)
    Indexer(index).delete(["first-1", "first-2"])
    Indexer(index).restore(tmp_path / "backup.db", replace=True)
    assert articles_of(index) == 11
    assert told(index) == answers
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_backup_amid_additions_holds_what_was_acknowledged_before_it(index, tmp_path):
    rng = random.Random(8)
    acknowledged: list[str] = []
    is_over = threading.Event()

    def add() -> None:
        number = 0
        while not is_over.is_set():
            Indexer(index).add([make_article(rng, f"late-{number}")])
            acknowledged.append(f"late-{number}")
            number += 1

    writer = threading.Thread(target=add)
    writer.start()
    try:
        for number in range(4):
            before = set(acknowledged)
            Indexer(index).backup(tmp_path / f"{number}.db")
            Indexer(tmp_path / f"index-{number}").restore(tmp_path / f"{number}.db")
            with Archive.open(tmp_path / f"index-{number}") as archive:
                for key in before:
                    assert archive.article(key).id == key
    finally:
        is_over.set()
        writer.join()
    assert len(acknowledged) > 4


def test_a_restored_archive_takes_the_place_of_the_other_under_an_open_reader(index, tmp_path):
    Indexer(index).backup(tmp_path / "backup.db")
    Indexer(index).add([Article(id="new", lang="en", text="A zeppelin landed.")])
    with pytest.raises(InvalidArgumentError, match="--replace"):
        Indexer(index).restore(tmp_path / "backup.db")
    with Archive.open(index) as archive:
        assert archive.article("new").id == "new"
        Indexer(index).restore(tmp_path / "backup.db", replace=True)
        assert archive.search("zeppelin", mode="lexical", rerank="off").hits == ()
        with pytest.raises(ArticleNotFoundError):
            archive.article("new")
        assert len(archive.search(WORDS, k=50).hits) == 11
    Indexer(index).add([Article(id="newer", lang="en", text="Another zeppelin landed.")])
    assert articles_of(index) == 12
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []
    with pytest.raises(IndexNotFoundError, match="no generation before"):
        Indexer(index).rollback()


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone"])
def test_a_damaged_archive_is_replaced_by_its_backup(index, tmp_path, damage):
    Indexer(index).backup(tmp_path / "backup.db")
    path = index / "archive.db"
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:5000])
        case "garbage":
            path.write_bytes(b"no database at all" * 1000)
        case "gone":
            path.unlink()
    Indexer(index).restore(tmp_path / "backup.db", replace=True)
    assert articles_of(index) == 11
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []


def test_a_damaged_backup_is_refused_and_what_is_there_stays(index, tmp_path):
    backup = tmp_path / "backup.db"
    Indexer(index).backup(backup)
    content = backup.read_bytes()
    rng = random.Random(9)
    refused = 0
    used = [place for place, byte in enumerate(content) if byte]
    for _ in range(15):
        place = rng.choice(used)
        backup.write_bytes(content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :])
        try:
            Indexer(tmp_path / "new").restore(backup)
        except (IndexCorruptError, FormatVersionError) as error:
            assert "backup.db" in str(error)
            assert not (tmp_path / "new").exists()
            refused += 1
        else:
            # The byte was in no use: what was restored is what was there.
            assert articles_of(tmp_path / "new") == 11
            shutil.rmtree(tmp_path / "new")
    assert refused > 5
    backup.write_bytes(content[: len(content) // 2])
    with pytest.raises(IndexCorruptError, match=r"backup\.db"):
        Indexer(index).restore(backup, replace=True)
    assert articles_of(index) == 11


def test_a_backup_takes_the_place_of_no_file_and_is_of_something(index, tmp_path):
    (tmp_path / "backup.db").write_text("precious")
    with pytest.raises(InvalidArgumentError, match="there already"):
        Indexer(index).backup(tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "precious"
    with pytest.raises(IndexNotFoundError, match="no archive"):
        Indexer(tmp_path / "nowhere").backup(tmp_path / "other.db")
    with pytest.raises(IndexNotFoundError):
        Indexer(tmp_path / "nowhere").restore(tmp_path / "missing.db")


def test_a_strangers_archive_with_programs_in_it_is_refused(index, tmp_path):
    backup = tmp_path / "backup.db"
    Indexer(index).backup(backup)
    connection = sqlite3.connect(backup)
    connection.execute("CREATE TRIGGER sly AFTER INSERT ON articles BEGIN DELETE FROM articles; END")
    connection.commit()
    connection.close()
    with pytest.raises(IndexCorruptError, match="trigger 'sly'"):
        Indexer(tmp_path / "new").restore(backup)
    (tmp_path / "new").mkdir()
    shutil.copy(backup, tmp_path / "new" / "archive.db")
    with pytest.raises(IndexCorruptError, match="trigger 'sly'"):
        Indexer(tmp_path / "new").add([Article(id="a", lang="en", text="Text.")])
