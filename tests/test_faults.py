"""The disk refuses, lies or runs full, permission is lost and the clock jumps, at every step of every way of writing.

What the operating system answers is made to fail by `faults.c`, which is preloaded into the process that writes: so
SQLite, FAISS, tantivy, NumPy and this code all meet the faults. `BACKISSUE_FAULT_ROUNDS` asks for more of them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crash_child import Faults, make_article
from crash_lab import Lab

from backissue.indexer import Indexer
from backissue.search import Archive
from backissue.search.errors import StorageError
from backissue.search.layout import IndexPaths

COMPILER = shutil.which("cc")
ROUNDS = int(os.environ.get("BACKISSUE_FAULT_ROUNDS", "10"))
SEED = int(os.environ.get("BACKISSUE_CRASH_SEED", "20240502"))
LASTING = ("disk full", "no permission", "sync error")
STEPS_OF_READING = range(1, 300)
CAN_MOUNT = not subprocess.run(
    [shutil.which("unshare") or "false", "--map-root-user", "--mount", "true"], capture_output=True, check=False
).returncode

pytestmark = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"), reason="needs a C compiler, and the preloading of Linux"
)


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory):
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def lab(tmp_path, preloaded):
    made = Lab(tmp_path, preloaded)
    yield made
    made.close()


def fail(lab: Lab, kind: str, step: int, seed: int, operations: int) -> int:
    """Works under a fault, recovers, and looks at everything; gives how often the fault struck."""
    lab.start(kind=kind, step=step, lasting=kind in LASTING, seed=seed, operations=operations)
    assert lab.end() == 0, f"{kind} at step {step} raised what is no error of the library, or worse"
    told = [line for line in lab.journal.lines() if "failed" in line][-1]
    lab.settle()
    return told["struck"]


def with_articles(lab: Lab, seed: int) -> None:
    lab.forget()
    lab.start(seed=seed, operations=3)
    assert lab.end() == 0
    lab.settle()


def test_what_was_acknowledged_outlives_faults_at_any_step(lab):
    rng = random.Random(SEED)
    with_articles(lab, SEED)
    struck = 0
    for number in range(ROUNDS):
        kind = Faults.KINDS[number % len(Faults.KINDS)]
        struck += fail(lab, kind, rng.randint(1, 15 if kind == "sync error" else 60), rng.randrange(10**6), 2) > 0
    assert struck >= ROUNDS / 2, "the steps are too many to fail at"
    lab.rebuild(lab.journal.state()[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", Faults.KINDS)
def test_what_was_acknowledged_outlives_a_fault_at_every_step(lab, kind):
    for seed in range(SEED, SEED + 2):
        step, struck = 1, 1
        while struck:
            if step % 20 == 1:
                with_articles(lab, seed)
            struck = fail(lab, kind, step, seed + step, 2)
            step += 1
        print(f"{kind}: {step - 1} steps")


@pytest.mark.slow
@pytest.mark.parametrize("kind", Faults.KINDS)
def test_a_new_archive_is_there_or_not_wherever_its_first_addition_fails(lab, kind):
    step, struck = 1, 1
    while struck:
        lab.forget()
        struck = fail(lab, kind, step, SEED, 1)
        step += 1
    print(f"{kind}: {step - 1} steps")


def test_a_new_folder_has_its_name_on_the_disk_before_anything_is_in_it(lab, tmp_path):
    index = tmp_path / "new" / "index"
    lab.start(
        kind="sync error", step=1, lasting=False, seed=SEED, operations=1, below=str(index.parent), index=str(index)
    )
    assert lab.end() == 0
    assert lab.journal.lines()[-1] == {"failed": "storage", "struck": 1}
    assert [*index.iterdir()] == []


@pytest.mark.parametrize("lost", ["word_starts", "lengths", "title_terms", "term_counts", "token_counts"])
def test_what_numpy_lost_when_it_closed_its_file_is_not_published(lab, monkeypatch, lost):
    """NumPy says nothing of it: every file of a generation is opened before that is published."""
    save = np.save

    def short(path, array):
        save(path, array)
        if Path(path).stem == lost:
            os.truncate(path, Path(path).stat().st_size - array.nbytes)

    Indexer(lab.index).rebuild([make_article(random.Random(SEED), "there")])
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", short)
        with pytest.raises(StorageError, match="does not read back"):
            Indexer(lab.index).rebuild()
    assert IndexPaths(lab.index).current_name() == "000001"
    assert [one for one in Indexer(lab.index).check(full=True) if one.level != "ok"] == []


def test_a_clock_that_jumps_by_decades_changes_nothing(lab):
    for seed in range(SEED, SEED + max(2, ROUNDS // 5)):
        lab.start(seed=seed, operations=6, clock=True)
        assert lab.end() == 0
        lab.settle()
    lab.rebuild(lab.journal.state()[0])


@pytest.mark.parametrize("kind", ["read error", "short read"])
def test_what_cannot_be_read_is_told_and_changes_no_answer(tmp_path, lab, kind):
    rng = random.Random(SEED)
    Indexer(lab.index).rebuild([make_article(rng, f"a{number}") for number in range(6)])
    Indexer(lab.index).add([make_article(rng, "tail")])
    answers = probe(lab, tmp_path)["seen"]["result"]
    for step in rng.sample(STEPS_OF_READING, ROUNDS // 3):
        seen = probe(lab, tmp_path, kind=kind, step=step)["seen"]
        assert "foreign" not in seen, seen["foreign"]
        assert "error" in seen or seen["result"] == answers


def probe(lab: Lab, folder: Path, **fault: object) -> dict:
    out = folder / "seen.json"
    lab.start(do="probe", out=str(out), **fault)
    assert lab.end() == 0
    return json.loads(out.read_text(encoding="utf-8"))


FULL = """
import json, os, random, shutil, subprocess, sys
from pathlib import Path
from backissue.indexer import Indexer
from backissue.search import Archive
from backissue.search.errors import StorageError
from backissue.search.layout import IndexPaths
from backissue.search.errors import StorageError
from crash_child import make_article
index, size = Path(sys.argv[1]), sys.argv[2]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(index)], check=True)
rng = random.Random(size)
acknowledged = []
try:
    for number in range(10**6):
        articles = [make_article(rng, f"a{number}-{n}") for n in range(20)]
        if number % 5 == 4:
            Indexer(index).rebuild(articles)
        else:
            Indexer(index).add(articles)
        acknowledged += [one.id for one in articles]
except StorageError as error:
    told = str(error)
os.truncate(index / "writer.lock", 0)
subprocess.run(["mount", "-o", f"remount,size=1g", str(index)], check=True)
if (index / "archive.db").exists() and Indexer(index).recover() or acknowledged:
    findings = [one.what for one in Indexer(index).check(full=True) if one.level != "ok"]
    with Archive.open(index) as archive:
        ids = {archive.article(one).id for one in acknowledged}
else:
    findings, ids = [], set()
print(json.dumps({"told": told, "acknowledged": len(acknowledged), "there": len(ids), "findings": findings}))
"""


@pytest.mark.skipif(not CAN_MOUNT, reason="this system lets nobody mount a file system of their own")
@pytest.mark.parametrize("kilobytes", [600, 1500, 4000])
def test_a_disk_that_is_full_loses_nothing(tmp_path, kilobytes):
    (tmp_path / "index").mkdir()
    command = ["unshare", "--map-root-user", "--mount", sys.executable, "-c", FULL, str(tmp_path / "index")]
    done = subprocess.run(
        [*command, str(kilobytes)], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "cannot be written to" in seen["told"] or "does not read back" in seen["told"]
    assert seen["there"] == seen["acknowledged"]
    assert seen["findings"] == []


def test_searches_go_on_while_the_disk_is_full(lab):
    rng = random.Random(SEED)
    Indexer(lab.index).rebuild([make_article(rng, "there")])
    with Archive.open(lab.index) as archive:
        before = archive.search("the harbour council", rerank="off").hits
        lab.start(kind="disk full", step=1, lasting=True, seed=1, operations=1)
        assert lab.end() == 0
        assert archive.search("the harbour council", rerank="off").hits == before
