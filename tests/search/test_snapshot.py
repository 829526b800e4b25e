"""Snapshots that follow one another see what one that is opened anew does, and take what was added and no more."""

import random

import numpy as np
import pytest

from backissue.indexer import Indexer
from backissue.indexer.database import Database
from backissue.search import Archive, Article
from backissue.search.columns import COLUMN_NAMES
from backissue.search.layout import IndexPaths
from backissue.search.snapshot import Snapshot
from backissue.search.store import _COLUMN_QUERY, Store

LANGS = ("en", "pl", "de", "fr", "uk")


def article(number: int, rng: random.Random) -> Article:
    return Article(
        id=f"a{number}",
        lang=rng.choice(LANGS[: 2 + number // 20]),
        title=f"Report {number}",
        text=f"The council of the harbour met for the {rng.randrange(10**6)}th time. " * rng.choice([1, 30]),
        source=f"source {number % 7}",
        author=f"author {number}",
        published=f"20{number % 24:02}-03-01" if number % 5 else None,
    )


@pytest.fixture
def index(tmp_path):
    rng = random.Random(1)
    Indexer(tmp_path).rebuild([article(number, rng) for number in range(20)])
    return tmp_path


@pytest.fixture
def store(index):
    store = Store.open(IndexPaths(index).database)
    yield store
    store.close()


def living(snapshot: Snapshot) -> np.ndarray:
    everywhere = np.arange(len(snapshot.columns))
    return everywhere if snapshot.alive is None else everywhere[snapshot.alive]


def assert_same(one: Snapshot, other: Snapshot) -> None:
    for name in COLUMN_NAMES:
        assert getattr(one.columns, name)[living(one)].tolist() == getattr(other.columns, name)[living(other)].tolist()
    assert np.array_equal(one.dense.vectors(living(one)), other.dense.vectors(living(other)))
    assert one.names == other.names
    assert list(one.passages_by_lang.items()) == list(other.passages_by_lang.items())
    assert (one.newest_day, len(one), one.seq) == (other.newest_day, len(other), other.seq)


def test_a_snapshot_that_follows_sees_what_one_opened_anew_does(index, store):
    rng = random.Random(2)
    paths = IndexPaths(index)
    followed = Snapshot.open(paths, store)
    for step in range(30):
        match rng.choice(["add", "update", "delete"]):
            case "add":
                Indexer(index).add([article(20 + 2 * step + more, rng) for more in range(2)])
            case "update":
                Indexer(index).add([article(rng.randrange(20 + 2 * step), rng)])
            case "delete":
                Indexer(index).delete([f"a{rng.randrange(20 + 2 * step)}" for _ in range(2)])
        before, seen = followed, {name: getattr(followed.columns, name).tolist() for name in COLUMN_NAMES}
        followed = followed.newest()
        assert_same(followed, Snapshot.open(paths, store))
        assert {name: getattr(before.columns, name).tolist() for name in COLUMN_NAMES} == seen


def test_what_was_there_is_not_copied_at_a_commit(index, store):
    rng = random.Random(3)
    Indexer(index).add([article(100, rng)])
    first = Snapshot.open(IndexPaths(index), store)
    Indexer(index).add([article(101, rng)])
    second = first.newest()
    for name in COLUMN_NAMES:
        assert np.shares_memory(getattr(first.columns, name), getattr(second.columns, name))
    assert np.shares_memory(first.dense.tail, second.dense.tail)
    assert second.names["source"] is first.names["source"]


def test_only_new_rows_are_read(store):
    with store.read() as connection:
        plan = " ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {_COLUMN_QUERY}", (1, 1)))
    assert "PRIMARY KEY (rowid>?)" in plan
    assert "B-TREE" not in plan


def test_a_tail_is_counted_by_the_changes_that_made_it(index):
    with Archive.open(index) as archive:
        manifest = archive._snapshot.manifest
        Indexer(index).add([article(number, random.Random(4)) for number in range(50, 55)])
        with Database.open(IndexPaths(index).database) as database:
            tail = database.count_passages_since(manifest.layout, manifest.seq)
        assert tail == archive.stats()["tail_passages"] > 0


def test_passages_of_base_and_tail_come_in_the_order_that_is_asked_for(index, store):
    rng = random.Random(5)
    Indexer(index).add([article(number, rng) for number in range(200, 210)])
    split = Snapshot.open(IndexPaths(index), store)
    base, places = len(split.base), np.random.default_rng(6).permutation(len(split.columns))
    Indexer(index).rebuild()
    whole = Snapshot.open(IndexPaths(index), store)
    assert 0 < base < len(places) == len(whole.base)
    for some in (places, places[:0], places[places < base], places[places >= base]):
        positions = whole.columns.positions(split.columns.row[some])
        one, other = split.documents(some), whole.documents(positions)
        assert one.terms.tolist() == other.terms.tolist()
        assert one.term_starts.tolist() == other.term_starts.tolist()
        assert one.title_terms.tolist() == other.title_terms.tolist()
        assert [part.tolist() for part in split.tokens(some)] == [part.tolist() for part in whole.tokens(positions)]
