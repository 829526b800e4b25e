"""Files are cut, changed and taken away: that is told with the name of the file, or it changes no answer."""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ARTICLES

from backissue.api.diagnose import repair
from backissue.indexer import Indexer
from backissue.search import Archive, Article, BackissueError, IndexCorruptError, IndexNotFoundError

GENERATION = "generations/000002"
SEED = 11
ARTICLE_GONE = "article_not_found"
"""The error where the id of an article was changed: an answer, and not the right one."""


class Prober:
    """Looks at indexes in processes of their own: what kills one is seen, and kills no test."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "seen.json"
        script = Path(__file__).with_name("crash_child.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def probe(self, index: Path) -> dict:
        self.out.unlink(missing_ok=True)
        self.process.stdin.write(json.dumps({"do": "probe", "index": str(index), "out": str(self.out)}) + "\n")
        self.process.stdout.readline()
        status = int(self.process.stdout.readline())
        assert status == 0, f"the process died of it: {status}"
        return json.loads(self.out.read_text())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def prober(tmp_path_factory):
    made = Prober(tmp_path_factory.mktemp("prober"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An index of two generations, the published one with a tail, an update and a deleted article behind it."""
    path = tmp_path_factory.mktemp("whole") / "index"
    gone = Article(id="gone", lang="en", title="Dam and train", text="The dam, the train, the border, the red carpet.")
    Indexer(path).rebuild([*ARTICLES[:3], gone])
    Indexer(path).rebuild([ARTICLES[3]])
    Indexer(path).add([replace(ARTICLES[2], title="Вода"), *ARTICLES[4:]])
    Indexer(path).delete(["gone"])
    return path


@pytest.fixture(scope="module")
def answers(prober, whole):
    return wholly(prober.probe(whole))


@pytest.fixture(scope="module")
def rebuilt_answers(prober, whole, tmp_path_factory):
    """What is answered after a rebuild, when what was deleted no longer counts in the lexical index's statistics."""
    copy = Path(shutil.copytree(whole, tmp_path_factory.mktemp("rebuilt") / "index"))
    Indexer(copy).rebuild()
    return wholly(prober.probe(copy))


@pytest.fixture
def index(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "index"))


def wholly(seen: dict) -> object:
    """What was seen of an index that is whole."""
    assert [one for one in seen["check"]["result"] if one[0] != "ok"] == []
    return seen["seen"]["result"]


def judge(seen: dict, answers: object, damaged: Path) -> bool:
    """Whether damage was told of; it must be by an error that names the file, unless no answer is another."""
    for part in seen.values():
        assert "foreign" not in part, part["foreign"]
        if part.get("error", ARTICLE_GONE) != ARTICLE_GONE:
            assert damaged.name in part["message"] or damaged.parent.name in part["message"]
            assert any(word in part["message"] for word in ("backissue", "backup", "Build a new index"))
    findings = seen["check"]["result"]
    wrong = [finding for finding in findings if finding[0] != "ok"]
    for _, what, mend in wrong:
        assert damaged.name in what or damaged.parent.name in what or "behind the archive" in what
        assert "backissue" in mend or "backup" in mend
    if seen["seen"].get("error", ARTICLE_GONE) == ARTICLE_GONE and not wrong:
        assert seen["seen"].get("result") == answers, "another answer, and the check found nothing"
    return bool(wrong)


def flipped(content: bytes, rng: random.Random) -> bytes:
    place = rng.choice([n for n, byte in enumerate(content) if byte] if rng.random() < 0.7 else range(len(content)))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def files_of(folder: Path) -> list[str]:
    """The files that hold something and that the published generation needs, without locks."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in names if not name.endswith(".lock") and (folder / name).stat().st_size]


def test_every_file_of_a_generation_changed_cut_or_missing(prober, index, answers):
    damage_every_file(prober, index, answers, random.Random(SEED), flips=1, cuts=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED + 1, SEED + 3))
def test_every_file_changed_and_cut_many_times(prober, index, answers, seed):
    rng = random.Random(seed)
    damage_every_file(prober, index, answers, rng, flips=8, cuts=3)
    damage_archive(prober, index, answers, rng, flips=200)


def damage_every_file(prober: Prober, index: Path, answers: object, rng: random.Random, flips: int, cuts: int) -> None:
    for name in files_of(index / GENERATION):
        path = index / GENERATION / name
        content = path.read_bytes()
        for _ in range(flips):
            path.write_bytes(flipped(content, rng))
            assert judge(prober.probe(index), answers, path), f"a changed byte of {name} was not found"
        for _ in range(cuts):
            length = rng.choice([0, rng.randrange(len(content)), len(content) - 1, None])
            path.unlink(missing_ok=True) if length is None else path.write_bytes(content[:length])
            assert judge(prober.probe(index), answers, path), f"{name} was cut to {length}, which was not found"
        path.write_bytes(content)
    assert wholly(prober.probe(index)) == answers


def test_the_name_of_the_generation_changed_or_cut(prober, index, answers):
    rng = random.Random(SEED)
    path = index / "CURRENT"
    for content in (b"", b"\xff\xfe", b"../../etc", b"000009\n", *(flipped(b"000002\n", rng) for _ in range(20))):
        path.write_bytes(content)
        seen = prober.probe(index)
        # A name that is not there is told by its folder, one of the older generation by what that lacks.
        named = path if "CURRENT" in str(seen) else index / "generations" / content.decode().strip() / "manifest.json"
        told = judge(seen, answers, named)
        assert told or content.strip() == b"000002"


def test_the_archive_changed_or_cut(prober, index, answers):
    damage_archive(prober, index, answers, random.Random(SEED), flips=16)
    path = index / "archive.db"
    content = path.read_bytes()
    for length in (0, 10, 4096, len(content) // 2, len(content) - 4096):
        path.write_bytes(content[:length])
        assert judge(prober.probe(index), answers, path), f"cut to {length}, which was not found"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE passages SET start = 'x'",
        "UPDATE passages SET article = 'x'",
        "UPDATE articles SET day = 'x'",
        "UPDATE articles SET family = 'x'",
    ],
)
def test_what_is_no_number_in_the_archive_is_told_of(index, change):
    with closing(sqlite3.connect(index / "archive.db")) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(change)
    with pytest.raises(IndexCorruptError, match=r"archive\.db"), Archive.open(index) as archive:
        archive.search("dam reservoir")
        archive.stats()


def damage_archive(prober: Prober, index: Path, answers: object, rng: random.Random, flips: int) -> None:
    path = index / "archive.db"
    content = path.read_bytes()
    told = 0
    for _ in range(flips):
        path.write_bytes(flipped(content, rng))
        told += judge(prober.probe(index), answers, path)
    path.write_bytes(content)
    assert told > 1, "the changed bytes were of no use to anything"


MISSING = ("CURRENT", "generations", GENERATION, f"{GENERATION}/manifest.json", f"{GENERATION}/lexical")
CHANGED = (
    "manifest.json",
    "lexical.json",
    "vectors.npy",
    "scales.npy",
    "columns/day.npy",
    "lexical/meta.json",
    "lexical/.managed.json",
)


@pytest.mark.parametrize("name", MISSING)
def test_repair_brings_back_what_is_missing(prober, index, rebuilt_answers, name):
    path = index / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises((IndexCorruptError, IndexNotFoundError), match="backissue"):
        Archive.open(index)
    assert any(finding.level == "error" and "repair" in finding.mend for finding in Indexer(index).check())
    assert "built anew" in repair(index) or name == "CURRENT"
    assert wholly(prober.probe(index)) == rebuilt_answers


@pytest.mark.parametrize("name", CHANGED)
def test_repair_brings_back_what_was_changed(prober, index, rebuilt_answers, name):
    rng = random.Random(SEED)
    path = index / GENERATION / name
    path.write_bytes(flipped(path.read_bytes(), rng))
    assert "built anew" in repair(index)
    assert wholly(prober.probe(index)) == rebuilt_answers
    assert repair(index) == "Nothing was wrong."


def test_a_writer_over_a_damaged_generation_is_told_so(index):
    (index / GENERATION / "lexical" / "meta.json").write_text("{")
    changed = replace(ARTICLES[0], text="New.")
    for verb in (lambda: Indexer(index).add([changed]), lambda: Indexer(index).delete(["de-reed"])):
        with pytest.raises(IndexCorruptError, match=r"lexical.*doctor --repair"):
            verb()
    repair(index)
    with Archive.open(index) as archive:
        assert archive.article("pl-arms").text == "New."
        assert [hit.article.id for hit in archive.search("new", mode="lexical", rerank="off").hits] == ["pl-arms"]
        assert archive.stats()["articles"] == len(ARTICLES) - 1


def test_there_is_no_way_back_to_a_damaged_generation(prober, index, answers):
    path = index / "generations" / "000001" / "vectors.npy"
    path.write_bytes(flipped(path.read_bytes(), random.Random(SEED)))
    with pytest.raises(IndexCorruptError, match=r"000001/vectors\.npy has changed"):
        Indexer(index).rollback()
    assert wholly(prober.probe(index)) == answers


def test_an_archive_older_than_its_generation_is_not_written_to(index, tmp_path):
    backup = (index / "archive.db").read_bytes()
    Indexer(index).add([Article(id="new", lang="en", text="Snow fell on the lighthouse.")])
    Indexer(index).rebuild()
    (index / "archive.db").write_bytes(backup)
    for verb in (
        lambda: Archive.open(index),
        lambda: Indexer(index).add(ARTICLES[:1]),
        lambda: Indexer(index).delete(["new"]),
        lambda: Indexer(index).recover(),
    ):
        with pytest.raises(IndexCorruptError, match=r"archive\.db is older than .*repair"):
            verb()
    assert any(finding.level == "error" for finding in Indexer(index).check())
    repair(index)
    with Archive.open(index) as archive:
        assert archive.stats()["articles"] == len(ARTICLES)
        assert archive.search("lighthouse", mode="lexical").hits == ()
    assert all(finding.level == "ok" for finding in Indexer(index).check(full=True))


def test_a_closed_archive_says_so(index):
    archive = Archive.open(index)
    archive.search("dam")
    archive.close()
    for call in (lambda: archive.search("dam"), lambda: archive.article("en-dam"), archive.stats):
        with pytest.raises(BackissueError, match=r"archive\.db was closed"):
            call()


def test_an_archive_that_is_taken_away_is_not_made_anew_by_looking(index):
    archive = Archive.open(index)
    archive.close()
    (index / "archive.db").unlink()
    with pytest.raises(IndexNotFoundError, match=r"archive\.db"):
        Archive.open(index)
    assert not (index / "archive.db").exists()
