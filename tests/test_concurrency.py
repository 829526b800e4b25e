"""Threads and processes at once: readers that follow one writer, and writers that take turns."""

import gc
import json
import random
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from crash_child import Journal, make_article, unique_word

from backissue.indexer import Indexer
from backissue.search import Archive, Article, ArticleNotFoundError, Filter
from backissue.search.layout import IndexPaths
from backissue.search.snapshot import Snapshot
from backissue.search.store import Store

SEED = 3
STEPS = 18
DESCRIPTORS = Path("/proc/self/fd")
QUESTION = "the harbour council was seen again"


class Told:
    """What a writer tells readers: articles that are there, and ids that are gone for good."""

    def __init__(self) -> None:
        self.present: dict[str, Article] = {}
        self.gone: set[str] = set()
        self.is_over = threading.Event()


def look_around(archive: Archive, present: dict[str, Article], gone: set[str], rng: random.Random) -> set[str]:
    """Searches in every mode; gives those ids that should have been found by a word or a filter and were not."""
    for mode in ("hybrid", "lexical", "semantic"):
        results = archive.search(QUESTION, k=100, mode=mode)
        assert not gone & {hit.article.id for hit in results.hits}
        assert len(results.hits) <= results.total
    missed = set()
    for key in rng.sample(sorted(present), min(3, len(present))):
        word = present[key].url.rpartition("/")[2]
        by_word = archive.search(word, mode="lexical", rerank="off")
        by_name = archive.search(QUESTION, mode="semantic", rerank="off", filter=Filter(sources=(f"source {key}",)))
        assert all(hit.article.id == key for results in (by_word, by_name) for hit in results.hits)
        if not by_word.hits or not by_name.hits:
            missed.add(key)
    return missed


def write(index: Path, told: Told, journal: Journal, seed: int, steps: int) -> None:
    """Adds, deletes and rebuilds. What it tells is true when it is told; an id that is gone never comes again."""
    rng = random.Random(seed)
    for step in range(steps):
        fresh = [make_article(rng, f"w{step}-{n}") for n in range(rng.randint(1, 2))]
        match rng.choice(["add", "add", "delete", "rebuild", "cut anew"]):
            case "delete" if len(told.present) > 4:
                ids = rng.sample(sorted(told.present), 2)
                for key in ids:
                    del told.present[key]
                Indexer(index).delete(ids)
                told.gone.update(ids)
                journal.begin("delete", dict.fromkeys(ids))
                journal.done()
            case "rebuild":
                Indexer(index).rebuild()
            case "cut anew":
                Indexer(index, target_words=rng.choice([40, 120])).rebuild()
            case _:
                Indexer(index).add(fresh)
                told.present.update({one.id: one for one in fresh})


def read_until_over(archive: Archive, told: Told, seed: int) -> int:
    rng = random.Random(seed)
    rounds = 0
    while not told.is_over.is_set():
        present, gone = dict(told.present), set(told.gone)
        missed = look_around(archive, present, gone, rng)
        assert not missed & set(told.present), "an article that was there all the time was not found"
        rounds += 1
    return rounds


def main(index: str, journal: str) -> None:
    """A reader process: a line for each round, until its stdin ends."""
    over = threading.Thread(target=sys.stdin.read, daemon=True)
    over.start()
    deleted = Journal(Path(journal))
    with Archive.open(index) as archive:
        while over.is_alive():
            gone = {key for line in deleted.lines() if "change" in line for key in line["change"]}
            look_around(archive, {}, gone, random.Random(0))
            sys.stdout.write(f"{len(gone)}\n")
            sys.stdout.flush()


@pytest.fixture
def index(tmp_path):
    rng = random.Random(SEED)
    Indexer(tmp_path / "index").rebuild([make_article(rng, f"first-{n}") for n in range(8)])
    return tmp_path / "index"


def words_found(archive: Archive, word: str) -> list[str]:
    return [hit.article.id for hit in archive.search(word, mode="lexical", rerank="off").hits]


def test_threads_and_a_process_read_while_one_writes(index, tmp_path):
    told, journal = Told(), Journal(tmp_path / "journal.jsonl")
    command = [sys.executable, __file__, str(index), str(tmp_path / "journal.jsonl")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        Archive.open(index) as archive,
        ThreadPoolExecutor(3) as pool,
    ):
        assert process.stdout.readline() == "0\n"
        readers = [pool.submit(read_until_over, archive, told, seed) for seed in range(3)]
        try:
            write(index, told, journal, SEED, STEPS)
        finally:
            told.is_over.set()
            process.stdin.close()
        assert all(reader.result() > 0 for reader in readers)
        lines = process.stdout.read().split()
        assert process.wait(60) == 0, "the reader process failed"
        assert int(lines[-1]) > 0, "the reader process saw no deletion"
        assert archive.stats()["articles"] == 8 + len(told.present)
        assert look_around(archive, told.present, told.gone, random.Random(SEED)) == set()
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []


VERSIONED = tuple(f"v{number}" for number in range(6))
ANCHOR = Article(
    id="anchor",
    lang="en",
    title="Anchor",
    text="The zeppelin stood in its hangar all the while.",
    source="source anchor",
)


def of_version(number: int) -> list[Article]:
    """Six articles that change together, by one commit."""
    return [
        Article(
            id=key,
            lang="en",
            title=f"Report {number}",
            text=f"The glacier council met again, says report number {number} of the keeper {key}.",
            source=f"source {key}",
        )
        for key in VERSIONED
    ]


def ask_until_over(archive: Archive, over: threading.Event, told: list[int], seed: int) -> int:
    """Searches in every mode: what is found is of one version, no older than one that was acknowledged, never older
    than before, and what stands all the while is found each time.
    """
    rng = random.Random(seed)
    asked, newest, answered = 0, 0, 0
    while not over.is_set():
        acknowledged = told[-1]
        mode = rng.choice(["hybrid", "lexical", "lexical", "semantic"])
        options = {"mode": mode, "rerank": "fast" if asked % 20 == 0 else "off", "answers": False, "k": 50}
        results = archive.search("glacier council report keeper", filter=Filter(titles=("report",)), **options)
        seen = {int(hit.article.title.split()[1]) for hit in results.hits}
        seen |= {int(passage.text.split()[8]) for hit in results.hits for passage in hit.passages}
        assert len(seen) <= 1, f"versions {seen} in one answer"
        assert len(results.hits) <= len(VERSIONED)
        if seen:
            assert min(seen) >= max(acknowledged, newest)
            newest = min(seen)
            answered += 1
        (hit,) = archive.search("zeppelin hangar", filter=Filter(sources=("source anchor",)), **options).hits
        assert hit.article.id == "anchor"
        asked += 2
    assert answered > asked // 8, "too few found anything"
    return asked


def asked_while_written(index: Path, queries: int, monkeypatch) -> int:
    """So many searches by four threads and more while one writes: it updates, folds, rebuilds and rolls back."""
    monkeypatch.setattr("backissue.indexer.indexer.TAIL_LEAST", 20)
    monkeypatch.setattr("backissue.indexer.indexer.TAIL_SHARE", 0.0)
    Indexer(index).add([ANCHOR, *of_version(0)])
    Indexer(index).rebuild()
    told, over, count = [0], threading.Event(), 0
    started: list[Future[int]] = []
    with Archive.open(index) as archive, ThreadPoolExecutor(4) as pool:
        while count < queries:
            over.clear()
            started = [pool.submit(ask_until_over, archive, over, told, seed) for seed in range(4)]
            try:
                for step in ("update", "update", "rebuild", "update", "roll back", "update", "cut anew", "update"):
                    match step:
                        case "update":
                            Indexer(index).add(of_version(told[-1] + 1))
                            told.append(told[-1] + 1)
                        case "rebuild":
                            Indexer(index).rebuild()
                        case "roll back":
                            Indexer(index).rollback()
                        case "cut anew":
                            Indexer(index, target_words=40 + told[-1] % 2).rebuild()
            finally:
                over.set()
            count += sum(one.result() for one in started)
        found = archive.search("glacier council", filter=Filter(titles=("report",)), k=50).hits
        assert {hit.article.title for hit in found} == {f"Report {told[-1]}"}
        assert len(found) == len(VERSIONED)
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []
    return count


def test_thousands_of_searches_amid_all_changes_see_one_version_each(index, monkeypatch):
    assert asked_while_written(index, 2_000, monkeypatch) >= 2_000


@pytest.mark.slow
def test_tens_of_thousands_of_searches_amid_all_changes_see_one_version_each(index, monkeypatch):
    print(f"{asked_while_written(index, 20_000, monkeypatch)} searches")


def test_a_search_amid_an_addition_does_not_hide_it_from_later_ones(index):
    article = make_article(random.Random(1), "new")
    word = article.url.rpartition("/")[2]
    seen = []
    with Archive.open(index) as archive:
        # The batch is committed to the archive when "read" is told, and not yet to the lexical index.
        Indexer(index).add([article], progress=lambda *_: seen.append(words_found(archive, word)))
        assert seen[0] == []
        assert words_found(archive, word) == ["new"]
        assert archive.refresh() is False


def test_a_generation_that_is_removed_while_it_is_opened_is_left_for_the_newer_one(index):
    class Overtaken(IndexPaths):
        """Two rebuilds come between what is read from CURRENT and what is done with it, once."""

        __slots__ = ()

        def current_name(self) -> str:
            name = super().current_name()
            if not overtaken:
                overtaken.append(name)
                Indexer(index, target_words=40).rebuild()
                Indexer(index).rebuild()
            return name

    overtaken: list[str] = []
    paths = Overtaken(index)
    store = Store.open(paths.database)
    opened = Snapshot.open(paths, store)
    assert (overtaken, opened.manifest.generation) == (["000001"], "000003")
    overtaken.clear()
    newest = opened.newest()
    assert (overtaken, newest.manifest.generation) == (["000003"], "000005")
    store.close()


def test_an_archive_open_since_long_ago_follows(index):
    rng = random.Random(5)
    with Archive.open(index) as archive:
        for number in range(3):
            article = make_article(rng, f"n{number}")
            Indexer(index).add([article])
            Indexer(index).rebuild()
            Indexer(index).rebuild()
            Indexer(index).delete(["first-0"])
            assert words_found(archive, article.url.rpartition("/")[2]) == [article.id]
            with pytest.raises(ArticleNotFoundError):
                archive.article("first-0")
            assert archive.refresh() is False


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system does not show a process its open files")
def test_connections_of_ended_threads_are_closed(index):
    def connections() -> int:
        database = str(index / "archive.db")
        return sum(database in str(path.readlink()) for path in DESCRIPTORS.iterdir() if path.is_symlink())

    with Archive.open(index) as archive:
        for _ in range(12):
            thread = threading.Thread(target=archive.search, args=("harbour",))
            thread.start()
            thread.join()
        assert connections() <= 3 * 3  # Each has the archive, its log and its shared memory.


def refreshed(index: Path, times: int) -> None:
    """Has an open archive take up so many changes: it keeps neither files nor snapshots of what is over."""
    rng = random.Random(7)
    seen: list[weakref.ref[Snapshot]] = []
    with Archive.open(index) as archive:
        archive.search(QUESTION)
        for number in range(times):
            if number == 5:  # What the libraries keep for good is there.
                threads, before = threading.active_count(), len(list(DESCRIPTORS.iterdir()))
            seen.append(weakref.ref(archive._snapshot))
            Indexer(index).add([make_article(rng, f"n{number % 5}")])
            assert archive.search(QUESTION, rerank="off", answers=False).hits
        gc.collect()
        assert [one for one in seen if one() is not None] == []
        assert len(list(DESCRIPTORS.iterdir())) <= before
        assert threading.active_count() == threads


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system does not show a process its open files")
def test_what_is_over_is_let_go(index):
    refreshed(index, 20)


@pytest.mark.slow
@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system does not show a process its open files")
def test_what_is_over_is_let_go_two_hundred_times(index):
    refreshed(index, 200)


WRITER = """
import json, sys, time
from backissue.indexer import Indexer
from backissue.search.errors import IndexLockedError
from crash_child import make_article
import random
name, index, wait = sys.argv[1], sys.argv[2], float(sys.argv[3])
rng = random.Random(name)
told = []
for number in range(6):
    article = make_article(rng, f"{name}{number}")
    while True:
        try:
            Indexer(index, wait_seconds=wait).add([article])
            break
        except IndexLockedError as error:
            told.append(str(error))
            time.sleep(0.02)
    if number == 3:
        Indexer(index, wait_seconds=60).delete([f"{name}0"])
print(json.dumps(told))
"""


@pytest.mark.parametrize("wait_seconds", [60.0, 0.0])
def test_writers_in_two_processes_lose_nothing(index, wait_seconds):
    commands = [[sys.executable, "-c", WRITER, name, str(index), str(wait_seconds)] for name in "ab"]
    folder = Path(__file__).parent
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) for command in commands]
    told = [json.loads(writer.communicate(timeout=120)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert all("is being written to by" in message for messages in told for message in messages)
    if wait_seconds:
        assert told == [[], []], "a writer that waits is not told to come again"
    with Archive.open(index) as archive:
        assert archive.stats()["articles"] == 8 + 2 * 5
        for name in "ab":
            rng = random.Random(name)
            for number in range(6):
                article = make_article(rng, f"{name}{number}")
                expected = [article.id] if number else []
                assert words_found(archive, article.url.rpartition("/")[2]) == expected
    assert [one for one in Indexer(index).check(full=True) if one.level != "ok"] == []


def test_words_of_articles_are_unique():
    assert len({unique_word(number) for number in range(2000)}) == 2000


if __name__ == "__main__":
    main(*sys.argv[1:])
