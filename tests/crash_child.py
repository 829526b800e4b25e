"""A process that is there to be lost. It loads the library once and carries out each order in a fork of itself.

Orders come on stdin, one JSON object a line; for each, its process id and then its exit status go to stdout.

`write` works by a seeded plan on an index and notes in a journal what it begins and what was acknowledged; `die_at`
makes it kill itself at that step of the write side, and `kind` and `step` make a call of the operating system fail.
`probe` opens an index that may be damaged, searches it and checks it, and writes what it saw to a file.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from backissue.indexer import Indexer
from backissue.indexer import indexer as indexer_module
from backissue.search import Archive, Article
from backissue.search.embedding import load_embedder
from backissue.search.errors import ArticleNotFoundError, BackissueError, IndexNotFoundError
from backissue.search.types import article_to_dict

_WORDS = """
harbour river bridge council strike orchard winter minister railway budget school hospital storm tractor museum senate
border wheat satellite tram library forest mayor tunnel reactor festival drought market ferry teacher court union
pension island vaccine glacier choir engine bakery lighthouse archive verdict harvest
"""
VOCABULARY = _WORDS.split()

_CONSONANTS = "bcdfghjklmnpqrtvwxz"
_STEP_FILES = tuple(
    f"/{name}.py"
    for name in ("generation", "indexer/lexical", "indexer/dense", "indexer", "lock", "database", "shutil")
)


class Journal:
    """What was begun and what was acknowledged; each line is on the disk before the next thing happens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        whole = self._path.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def write(self, **line: Any) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def begin(self, verb: str, change: dict[str, Article | None]) -> None:
        changed = {key: article_to_dict(one) if one else None for key, one in change.items()}
        self.write(begun=verb, change=changed)

    def done(self) -> None:
        self.write(done=True)

    def state(self) -> tuple[dict[str, Article], dict[str, Article | None]]:
        """The articles that were acknowledged, and the change that was begun and neither acknowledged nor settled."""
        state: dict[str, Article] = {}
        open_change: dict[str, Article | None] = {}
        for line in self.lines():
            if "failed" in line:
                continue
            if "begun" in line:
                open_change = {key: Article(**value) if value else None for key, value in line["change"].items()}
                continue
            settled = open_change if "done" in line else {key: open_change[key] for key in line["settled"]}
            for key, article in settled.items():
                if article is None:
                    state.pop(key, None)
                else:
                    state[key] = article
            open_change = {}
        return state, open_change


def unique_word(number: int) -> str:
    """A word that no other number gives and no stemmer shortens."""
    letters = []
    for _ in range(6):
        number, place = divmod(number, len(_CONSONANTS))
        letters.append(_CONSONANTS[place])
    return "qo" + "".join(letters) + "k"


def make_article(rng: random.Random, article_id: str) -> Article:
    """An article with a source and a word of its own, of one to four passages; no two are copies of each other."""
    word = unique_word(rng.randrange(19**6))
    sentences = [" ".join(rng.choices(VOCABULARY, k=9)).capitalize() + "." for _ in range(rng.randint(3, 30))]
    sentences.insert(rng.randrange(len(sentences)), f"The {word} was seen again.")
    day = f"20{rng.randint(10, 24)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return Article(
        id=article_id,
        lang="en",
        title=" ".join(rng.choices(VOCABULARY, k=3)),
        text=" ".join(sentences),
        source=f"source {article_id}",
        published=day,
        url=f"https://example.org/{word}",
    )


def work(index: Path, journal: Journal, seed: int, operations: int, clock: Callable[[int], None] | None = None) -> None:
    """So many operations by the plan of a seed, each of them noted before and after; `clock` is moved between them.

    A tail is folded into a new generation by every few additions.
    """
    rng = random.Random(seed)
    indexer_module.TAIL_LEAST, indexer_module.TAIL_SHARE = 12, 0.0
    state = journal.state()[0]
    for number in range(operations):
        fresh = [make_article(rng, f"a{seed}-{number}-{n}") for n in range(rng.randint(1, 3))]
        known = rng.sample(sorted(state), min(len(state), rng.randint(1, 3)))
        changed = [make_article(rng, key) for key in known]
        verb = rng.choices(
            ["add", "update", "delete", "rebuild", "rebuild with", "cut anew", "roll back"],
            [6, 4, 4 if len(state) > 12 else 0.5, 1, 1, 1, 0.5],
        )[0]
        taken = {"add": fresh, "update": changed, "rebuild with": fresh + changed, "cut anew": fresh + changed}
        change: dict[str, Article | None] = {one.id: one for one in taken.get(verb, ())}
        if verb == "delete":
            change = dict.fromkeys(known)
        if clock is not None:
            clock(rng.randint(-(10**9), 10**9))
        journal.begin(verb, change)
        match verb:
            case "add" | "update":
                Indexer(index).add(taken[verb])
            case "delete" if state:
                Indexer(index).delete(known)
            case "rebuild" if state:
                Indexer(index).rebuild()
            case "rebuild with":
                Indexer(index).rebuild(taken[verb])
            case "cut anew":
                Indexer(index, target_words=rng.choice([30, 60, 120])).rebuild(taken[verb])
            case "roll back":
                with suppress(IndexNotFoundError):
                    Indexer(index).rollback()
        journal.done()
        for key, article in change.items():
            state.pop(key, None)
            if article is not None:
                state[key] = article


def die_at(step: int) -> None:
    """Kills this process at that call or return, of Python or C, in the modules that write."""
    left = step

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        if frame.f_code.co_filename.endswith(_STEP_FILES):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


QUESTIONS = (
    ("dam reservoir", {"mode": "lexical", "rerank": "off"}),
    ("what does North Korea get in return", {}),
    ("train crosses the border", {"mode": "semantic"}),
    ("source:kurier tramwaj", {"sort": "date"}),
    ('"red carpet"', {}),
    ("after:2023-06-07 water", {"rerank": "off"}),
    ("lang:en", {}),
)


def probe(index: Path) -> dict[str, Any]:
    """What an opening, some searches and a full check give: each an error of the library, or what was seen."""
    return {"seen": _told(lambda: _look(index)), "check": _told(lambda: _check(index))}


def _look(index: Path) -> Any:
    with Archive.open(index) as archive:
        answers = answers_of(archive)
        ids = sorted({hit["article"]["id"] for answer in answers for hit in answer["hits"]})
        texts = [
            article and [article_to_dict(article), archive.passage_spans(article.id)]
            for article in (stored(archive, key) for key in ids)
        ]
        near = archive.similar(ids[0]).to_dict()["hits"] if ids else []
    return json.loads(json.dumps([answers, texts, near]))


def answers_of(archive: Archive) -> list[dict[str, Any]]:
    """What is answered to a number of questions, without the time that it took."""
    answers = []
    for question, options in QUESTIONS:
        results = archive.search(question, k=20, **options).to_dict()  # type: ignore[arg-type]
        answers.append({key: value for key, value in results.items() if key != "took_ms"})
    return answers


def stored(archive: Archive, key: str) -> Article | None:
    """The article of this id, None where the archive holds none."""
    try:
        return archive.article(key)
    except ArticleNotFoundError:
        return None


def _check(index: Path) -> list[tuple[str, str, str]]:
    return [(one.level, one.what, one.mend) for one in Indexer(index).check(full=True)]


def _told(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"result": call()}
    except BackissueError as error:
        return {"error": error.code, "message": str(error)}
    except BaseException:
        return {"foreign": traceback.format_exc()}


class Faults:
    """The faults of `faults.c`, which must have been preloaded."""

    KINDS = (
        "write error",
        "disk full",
        "short write",
        "sync error",
        "no permission",
        "read error",
        "short read",
    )

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.faults_struck.restype = ctypes.c_long
        self._library.faults_move_clock.argtypes = (ctypes.c_long,)

    def arm(self, kind: str, step: int, folder: Path, *, lasting: bool = False) -> None:
        """The call of that number that reaches a file below the folder fails; with `lasting` all later ones, too."""
        self._library.faults_arm(1 + self.KINDS.index(kind), ctypes.c_long(step), lasting, str(folder).encode())

    def disarm(self) -> int:
        """No call fails any more; gives how many did."""
        struck = int(self._library.faults_struck())
        self._library.faults_arm(0, ctypes.c_long(0), 0, b"")
        return struck

    def move_clock(self, seconds: int) -> None:
        """The clock of the day jumps."""
        self._library.faults_move_clock(seconds)


def under_faults(index: Path, journal: Journal, order: dict[str, Any]) -> None:
    """Works while a call fails; the failure is to be an error of the library, and is noted."""
    faults = Faults()
    faults.arm(order["kind"], order["step"], Path(order.get("below", index)), lasting=order["lasting"])
    error = ""
    try:
        work(index, journal, order["seed"], order["operations"])
    except BackissueError as raised:
        error = raised.code
    journal.write(failed=error, struck=faults.disarm())


def carry_out(order: dict[str, Any]) -> None:
    """One order, in this process."""
    index = Path(order["index"])
    if order["do"] == "probe":
        faults = Faults() if "kind" in order else None
        if faults is not None:
            faults.arm(order["kind"], order["step"], index)
        seen = probe(index)
        if faults is not None:
            seen["struck"] = faults.disarm()
        Path(order["out"]).write_text(json.dumps(seen), encoding="utf-8")
        return
    journal = Journal(Path(order["journal"]))
    if "kind" in order:
        under_faults(index, journal, order)
        return
    if "die_at" in order:
        die_at(order["die_at"])
    clock = Faults().move_clock if order.get("clock") else None
    work(index, journal, order["seed"], order["operations"], clock)


def main() -> None:
    load_embedder()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                carry_out(json.loads(line))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.setprofile(None)
                sys.stderr.flush()
                os._exit(status)
        _say(child)
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
