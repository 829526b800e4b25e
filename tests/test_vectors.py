"""Vectors are kept once: the archive hands them over to the file that a generation was built with, and none is lost."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ARTICLES

from backissue.api.diagnose import repair
from backissue.indexer import Indexer
from backissue.indexer.database import Database
from backissue.search import Archive, IndexCorruptError
from backissue.search.store import Store
from backissue.search.vectors import VectorFiles, file_of

LATER = replace(ARTICLES[0], id="later", title="Later", text="A lighthouse keeper counted the ships of the night.")


@pytest.fixture
def index(tmp_path):
    Indexer(tmp_path / "index").rebuild(ARTICLES)
    return tmp_path / "index"


def kept(index: Path) -> list[bytes | int]:
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        return [one for (one,) in connection.execute("SELECT vector FROM passages ORDER BY row")]


def vectors(index: Path) -> dict[tuple[int, int], bytes]:
    """The codes of all passages by their places in their articles' texts."""
    with closing(Store.open(index / "archive.db")) as store:
        return {(start, end): vector for _, start, end, vector, _ in store.checksummed_passages()}


def told(index: Path) -> list[tuple[str, float]]:
    with Archive.open(index) as archive:
        return answers_of(archive)


def answers_of(archive: Archive) -> list[tuple[str, float]]:
    """What is near to some questions, and how near; how rare a word is may change with a rebuild, this may not."""
    return [
        (hit.article.id, round(hit.passages[0].score, 4))
        for question in ("what does North Korea get in return", "melons in dry fields", "ships at night")
        for hit in archive.search(question, mode="semantic", rerank="off").hits
    ]


def errors(index: Path, *, full: bool = True) -> list[tuple[str, str]]:
    return [(one.what, one.mend) for one in Indexer(index).check(full=full) if one.level == "error"]


def refuse_embedding(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("what is kept needs no embedding")

    monkeypatch.setattr("backissue.search.embedding.StaticEmbedder.embed_passages", refuse)


def test_what_a_generation_is_built_of_is_in_one_file_with_two_names(index):
    assert {file_of(one) for one in kept(index)} == {1}
    assert (index / "vectors" / "000001.npy").samefile(index / "generations" / "000001" / "vectors.npy")
    assert errors(index) == []


def test_what_is_added_stays_in_its_row_until_the_next_generation(index):
    before = vectors(index)
    Indexer(index).add([LATER])
    Indexer(index).delete(["en-dam"])
    assert [type(one) for one in kept(index)][-1] is bytes
    assert errors(index) == []
    answers = told(index)
    Indexer(index).rebuild()
    assert {file_of(one) for one in kept(index)} == {2}
    after = vectors(index)
    assert len(after) == len(before)
    assert len(after.items() & before.items()) == len(before) - 1
    assert told(index) == answers
    assert errors(index) == []


def test_a_file_is_there_as_long_as_the_archive_or_a_generation_needs_it(index):
    files = VectorFiles(index / "vectors")
    for expected in ([1, 2], [2, 3]):
        Indexer(index).rebuild()
        assert files.numbers() == expected
    Indexer(index).rollback()
    assert errors(index) == []
    Indexer(index).add([LATER])
    Indexer(index).rebuild()
    assert errors(index) == []
    assert {file_of(one) for one in kept(index)} == {4}


def test_generations_are_derived_without_embedding(index, monkeypatch):
    answers, before = told(index), vectors(index)
    shutil.rmtree(index / "generations")
    (index / "CURRENT").unlink()
    refuse_embedding(monkeypatch)
    Indexer(index).rebuild()
    assert (told(index), vectors(index)) == (answers, before)
    assert {file_of(one) for one in kept(index)} == {2}  # not 1: the rows spoke of that while it was written


def test_a_backup_needs_no_other_file_and_no_embedding(index, tmp_path, monkeypatch):
    Indexer(index).add([LATER])
    Indexer(index).backup(tmp_path / "backup.db")
    refuse_embedding(monkeypatch)
    Indexer(tmp_path / "elsewhere").restore(tmp_path / "backup.db")
    Indexer(index).restore(tmp_path / "backup.db", replace=True)
    assert vectors(tmp_path / "elsewhere") == vectors(index)
    assert told(tmp_path / "elsewhere") == told(index)
    assert errors(index) == errors(tmp_path / "elsewhere") == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x55
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, flip, lambda path: path.write_bytes(path.read_bytes()[:-100])])
def test_vectors_that_are_lost_are_embedded_again(index, damage):
    answers, before = told(index), vectors(index)
    Indexer(index).add([LATER])
    damage(index / "vectors" / "000001.npy")
    assert all("doctor --repair" in mend for _, mend in errors(index))
    assert errors(index)
    assert "built anew" in repair(index)
    assert errors(index) == []
    Indexer(index).delete(["later"])
    assert vectors(index) == before
    assert told(index) == answers


def test_a_backup_of_lost_vectors_is_refused(index, tmp_path):
    (index / "vectors" / "000001.npy").unlink()
    with pytest.raises(IndexCorruptError, match=r"000001\.npy"):
        Indexer(index).backup(tmp_path / "backup.db")
    assert [*tmp_path.glob("backup*")] == []


@pytest.mark.parametrize("at", ["hardlink", "first rows", "half of the rows", "room"])
def test_handing_over_may_be_cut_off_at_any_point(index, monkeypatch, at):
    Indexer(index).add([LATER])
    answers, before = told(index), vectors(index)
    monkeypatch.setattr("backissue.indexer.database._AT_ONCE", 2)
    plain, calls = Database._put_places, []

    def cut_off(*arguments: object) -> object:
        calls.append(1)
        if at == "first rows" or (at == "half of the rows" and len(calls) == 2):
            raise KeyboardInterrupt
        return plain(*arguments)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Database, "_put_places", cut_off)
    if at == "hardlink":
        monkeypatch.setattr(Path, "hardlink_to", interrupt)
    if at == "room":
        monkeypatch.setattr(Database, "give_back", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Indexer(index).rebuild()
    monkeypatch.undo()
    assert errors(index) == []
    assert (told(index), vectors(index)) == (answers, before)
    Indexer(index).rebuild()
    assert errors(index) == []
    assert (told(index), vectors(index)) == (answers, before)
    assert {file_of(one) for one in kept(index)} == {3}


def test_where_a_file_cannot_have_two_names_it_is_copied(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    index = tmp_path / "index"
    Indexer(index).rebuild(ARTICLES)
    assert not (index / "vectors" / "000001.npy").samefile(index / "generations" / "000001" / "vectors.npy")
    assert errors(index) == []


def test_an_open_archive_goes_on_while_its_vectors_are_handed_over(index):
    with Archive.open(index) as archive:
        answers = answers_of(archive)
        similar = archive.similar("en-dam")
        for _ in range(3):
            Indexer(index).rebuild()
            assert [hit.article.id for hit in archive.similar("en-dam").hits] == [
                hit.article.id for hit in similar.hits
            ]
        assert answers_of(archive) == answers


def test_the_room_of_what_was_handed_over_is_given_back(tmp_path):
    index = tmp_path / "index"
    texts = (f"The ship number {n} was seen off the coast of the island." for n in range(900))
    Indexer(index).rebuild([replace(LATER, id=str(n), text=text) for n, text in enumerate(texts)])
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert (index / "vectors" / "000001.npy").stat().st_size >= 900 * 256
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        before = connection.execute("PRAGMA page_count").fetchone()
        connection.execute("VACUUM")
        after = connection.execute("PRAGMA page_count").fetchone()
    assert before[0] <= 1.1 * after[0]


def test_an_archive_that_gave_nothing_back_is_written_anew_once(index):
    with closing(sqlite3.connect(index / "archive.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    with Archive.open(index) as archive:
        answers = answers_of(archive)
        Indexer(index).rebuild()
        assert answers_of(archive) == answers
    with closing(sqlite3.connect(index / "archive.db")) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert errors(index) == []
