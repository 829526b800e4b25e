import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backissue.indexer import Indexer, Problem
from backissue.indexer.lock import locked
from backissue.search import (
    Archive,
    Article,
    ArticleNotFoundError,
    IndexLockedError,
    IndexNotFoundError,
    InvalidArgumentError,
    ReadError,
)
from backissue.search.layout import IndexPaths
from backissue.search.store import Store

HARBOUR = Article(id="a", lang="en", title="Harbour", text="The harbour froze in the night. Ships wait outside.")
ORCHARD = Article(id="b", lang="en", title="Orchard", text="Apples fell early this year. The orchard is bare.")
LIGHT = Article(id="c", lang="pl", title="Latarnia", text="Latarnia morska zgasła o świcie. Rybacy zostali w porcie.")


def found(path, question, **options):
    with Archive.open(path) as archive:
        return [hit.article.id for hit in archive.search(question, **options).hits]


def lexical(path, word):
    return found(path, word, mode="lexical", rerank="off")


def test_what_is_added_is_found_by_words_and_by_meaning(tmp_path):
    summary = Indexer(tmp_path).add([HARBOUR, ORCHARD])
    assert (summary.added, summary.updated, summary.unchanged, summary.skipped) == (2, 0, 0, 0)
    assert lexical(tmp_path, "harbour") == ["a"]
    assert found(tmp_path, "frozen port", mode="semantic")[0] == "a"


def test_the_same_again_adds_nothing(tmp_path):
    Indexer(tmp_path).add([HARBOUR, ORCHARD])
    summary = Indexer(tmp_path).add([HARBOUR, ORCHARD, LIGHT])
    assert (summary.added, summary.unchanged) == (1, 2)


def test_an_article_twice_in_one_run_is_reported_once_taken(tmp_path):
    summary = Indexer(tmp_path).add([HARBOUR, ORCHARD, HARBOUR])
    assert summary.added == 2
    assert [problem.kind for problem in summary.problems] == ["duplicate"]
    assert "a" in str(summary.problems[0])


def test_an_update_takes_the_place_of_what_was_there(tmp_path):
    Indexer(tmp_path).add([HARBOUR, ORCHARD])
    summary = Indexer(tmp_path).add([replace(HARBOUR, text="The quay was painted green.")])
    assert (summary.added, summary.updated) == (0, 1)
    assert lexical(tmp_path, "harbour ships") == ["a"]  # by its title alone
    assert lexical(tmp_path, "ships") == []
    assert lexical(tmp_path, "quay") == ["a"]


def test_a_new_date_or_source_is_an_update_that_filters_see(tmp_path):
    Indexer(tmp_path).add([HARBOUR])
    Indexer(tmp_path).add([replace(HARBOUR, published="2024-02-03", source="Post")])
    assert lexical(tmp_path, "harbour on:2024-02-03 source:post") == ["a"]
    assert lexical(tmp_path, "harbour before:2024") == []


def test_what_is_deleted_is_gone_from_every_leg_and_from_the_archive(tmp_path):
    Indexer(tmp_path).add([HARBOUR, ORCHARD])
    assert Indexer(tmp_path).delete(["a", "no such"]).deleted == 1
    assert lexical(tmp_path, "harbour") == []
    assert "a" not in found(tmp_path, "frozen port", mode="semantic")
    with Archive.open(tmp_path) as archive, pytest.raises(ArticleNotFoundError, match="'a'"):
        archive.article("a")
    Indexer(tmp_path).rebuild()
    assert found(tmp_path, "frozen port") == ["b"]


def test_an_open_archive_follows_adds_deletes_and_rebuilds(tmp_path):
    indexer = Indexer(tmp_path)
    indexer.add([HARBOUR])
    with Archive.open(tmp_path) as archive:

        def ids(question):
            return [hit.article.id for hit in archive.search(question, mode="lexical", rerank="off").hits]

        assert ids("orchard") == []
        indexer.add([ORCHARD])
        assert ids("orchard") == ["b"]
        indexer.rebuild()
        indexer.rebuild()
        indexer.rebuild()  # the generation that the archive was opened with is removed by now
        assert ids("orchard harbour") == ["b", "a"] or ids("orchard harbour") == ["a", "b"]
        indexer.delete(["b"])
        assert ids("orchard") == []
        assert archive.refresh() is False


def test_prune_keeps_only_what_the_run_named(tmp_path):
    Indexer(tmp_path).rebuild([HARBOUR, ORCHARD])
    summary = Indexer(tmp_path).rebuild([ORCHARD, LIGHT], prune=True)
    assert (summary.added, summary.unchanged, summary.deleted) == (1, 1, 1)
    assert lexical(tmp_path, "harbour") == []
    assert lexical(tmp_path, "orchard") == ["b"]


def test_rebuild_without_articles_keeps_all_and_makes_a_new_generation(tmp_path):
    first = Indexer(tmp_path).rebuild([HARBOUR, LIGHT]).generation
    second = Indexer(tmp_path).rebuild().generation
    assert (first, second) == ("000001", "000002")
    assert lexical(tmp_path, "harbour") == ["a"]


def test_two_generations_are_kept_and_the_previous_one_can_come_back(tmp_path):
    indexer = Indexer(tmp_path)
    indexer.rebuild([HARBOUR])
    indexer.rebuild([ORCHARD])
    indexer.rebuild([LIGHT])
    assert sorted(path.name for path in (tmp_path / "generations").iterdir()) == ["000002", "000003"]
    indexer.delete(["a"])
    assert indexer.rollback() == "000002"
    assert lexical(tmp_path, "latarnia") == ["c"]  # committed later than that generation, and still found
    assert lexical(tmp_path, "harbour") == []
    assert [one.level for one in indexer.check(full=True)].count("error") == 0


def test_a_rebuild_with_other_passages_leaves_the_archive_searchable_and_can_be_rolled_back(tmp_path):
    long = replace(HARBOUR, text=" ".join(f"Sentence number {n} tells of the harbour." for n in range(60)))
    Indexer(tmp_path).rebuild([long])
    with Archive.open(tmp_path) as archive:
        before = len(archive.passage_spans("a"))
        Indexer(tmp_path, target_words=40).rebuild()
        archive.refresh()
        assert len(archive.passage_spans("a")) > before
    with pytest.raises(InvalidArgumentError, match="rebuild"):
        Indexer(tmp_path, target_words=200).add([ORCHARD])
    Indexer(tmp_path).rollback()
    with Archive.open(tmp_path) as archive:
        assert len(archive.passage_spans("a")) == before


def test_recover_applies_what_a_crash_left_out(tmp_path):
    Indexer(tmp_path).add([HARBOUR])
    lexical_state = tmp_path / "generations" / "000001" / "lexical.json"
    before = lexical_state.read_text()
    Indexer(tmp_path).add([ORCHARD])
    lexical_state.write_text(before)  # as if the process had died before it noted what it had applied
    assert any(one.level == "warning" for one in Indexer(tmp_path).check())
    assert Indexer(tmp_path).recover() is True
    assert Indexer(tmp_path).recover() is False
    assert lexical(tmp_path, "orchard") == ["b"]
    assert all(one.level == "ok" for one in Indexer(tmp_path).check(full=True))


def test_a_strict_run_stops_at_the_first_problem_and_keeps_what_was_committed(tmp_path):
    Indexer(tmp_path).add([HARBOUR])
    problem = Problem(path="x.jsonl", where="line 3", kind="malformed", reason="no JSON")
    with pytest.raises(ReadError, match=r"x\.jsonl.*line 3"):
        Indexer(tmp_path).add([problem, ORCHARD], strict=True)
    assert lexical(tmp_path, "harbour") == ["a"]
    summary = Indexer(tmp_path).add([problem, ORCHARD])
    assert (summary.added, summary.skipped, summary.skipped_by_kind) == (1, 1, {"malformed": 1})
    assert json.dumps(summary.to_dict())


def numbered(count: int) -> list[Article]:
    return [Article(id=str(n), lang="en", text=f"The ferry number {n} left the harbour.") for n in range(count)]


def seq_of(path: Path) -> int:
    with closing(Store.open(IndexPaths(path).database)) as store:
        return store.seq()


def test_a_thousand_articles_are_one_change(tmp_path):
    Indexer(tmp_path).add([HARBOUR])
    before = seq_of(tmp_path)
    assert Indexer(tmp_path).add(numbered(1000)).added == 1000
    assert seq_of(tmp_path) == before + 1
    assert Indexer(tmp_path).add(numbered(1000)).unchanged == 1000
    assert seq_of(tmp_path) == before + 1, "what changes nothing is no change"


def test_what_is_added_is_found_before_a_long_tail_is_folded(tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.indexer.indexer.TAIL_LEAST", 1)
    monkeypatch.setattr("backissue.indexer.indexer.TAIL_SHARE", 0.0)
    Indexer(tmp_path).add([HARBOUR])
    seen = {}

    def look(stage: str, *_: object) -> None:
        seen.setdefault(stage, lexical(tmp_path, "orchard"))

    Indexer(tmp_path).add([ORCHARD, LIGHT], progress=look)
    assert seen["index"] == ["b"]
    with Archive.open(tmp_path) as archive:
        assert archive.stats()["generation"] == "000002"


def test_what_comes_slowly_is_acknowledged_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr("backissue.indexer.intake.COMMIT_SECONDS", 0.0)
    told = []
    Indexer(tmp_path).add(numbered(600), progress=lambda stage, done, _: told.append((stage, done)))
    assert [done for stage, done in told if stage == "read"] == [256, 512, 600]


def test_what_was_cut_before_an_error_is_kept(tmp_path):
    def failing() -> Iterator[Article]:
        yield from numbered(600)
        raise RuntimeError("the source went away")

    Indexer(tmp_path).add([HARBOUR])
    with pytest.raises(RuntimeError, match="went away"):
        Indexer(tmp_path).add(failing())
    with Archive.open(tmp_path) as archive:
        assert archive.stats()["articles"] == 1 + 512
        assert archive.search("ferry harbour", mode="lexical").total > 1


def test_copies_of_one_text_are_one_family(tmp_path):
    words = " ".join(f"word{n} stood in the agency report about the flood" for n in range(30))
    first = Article(id="one", lang="en", source="A", title="Flood", text=words)
    copy = Article(id="two", lang="en", source="B", title="River rises", text=f"{words} Read by our desk.")
    Indexer(tmp_path).add([first, copy, HARBOUR])
    with Archive.open(tmp_path) as archive:
        results = archive.search("agency report about the flood")
    family = [hit for hit in results.hits if hit.article.id in ("one", "two")]
    assert len(family) == 1
    assert {family[0].article.id, *(copy.id for copy in family[0].copies)} == {"one", "two"}


def test_a_second_writer_is_told_who_writes(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from backissue.indexer.lock import locked\n"
        f"with locked(Path({str(tmp_path / 'writer.lock')!r}), 'rebuild', 0):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(IndexLockedError, match=rf"process {holder.pid} \(rebuild"):
            Indexer(tmp_path, wait_seconds=0).add([HARBOUR])
    finally:
        holder.communicate()
    assert Indexer(tmp_path).add([HARBOUR]).added == 1


def test_the_lock_is_free_after_use(tmp_path):
    with locked(tmp_path / "writer.lock", "test", 0):
        pass
    with locked(tmp_path / "writer.lock", "test", 0):
        assert json.loads((tmp_path / "writer.json").read_text())["pid"] == os.getpid()


def test_verbs_that_need_an_index_say_so(tmp_path):
    with pytest.raises(IndexNotFoundError, match="backissue rebuild"):
        Indexer(tmp_path / "none").rebuild()
    with pytest.raises(IndexNotFoundError, match="backissue rebuild"):
        Indexer(tmp_path / "none").delete(["a"])
    with pytest.raises(IndexNotFoundError, match="backissue rebuild"):
        Archive.open(tmp_path / "none")


def test_an_empty_archive_is_an_archive(tmp_path):
    Indexer(tmp_path).rebuild([])
    with Archive.open(tmp_path) as archive:
        results = archive.search("anything at all")
        assert (results.hits, results.total, results.no_good_answer) == ((), 0, True)
        assert archive.stats()["articles"] == 0
    Indexer(tmp_path).add([HARBOUR])
    assert lexical(tmp_path, "harbour") == ["a"]


def test_a_new_version_of_a_copied_text_leaves_the_family(tmp_path):
    words = " ".join(f"word{n} stood in the agency report about the flood" for n in range(30))
    first = Article(id="one", lang="en", title="Flood", text=words)
    Indexer(tmp_path).add([first, replace(first, id="two", source="B")])
    Indexer(tmp_path).add([replace(first, title="Orchard", text="Apples fell early this year and rot in the grass.")])
    with Archive.open(tmp_path) as archive:
        assert archive.search("lang:en").total == 2
        assert [hit.article.id for hit in archive.similar("one").hits] == ["two"]


def test_a_rebuild_that_is_cut_off_loses_nothing_it_acknowledged(tmp_path):
    Indexer(tmp_path).rebuild([HARBOUR])
    strange = Problem("x", "line 3", "malformed", "no JSON")
    many = [replace(ORCHARD, id=f"b{n}", text=f"{ORCHARD.text} Tree number {n}.") for n in range(300)]
    with pytest.raises(ReadError):
        Indexer(tmp_path, target_words=60).rebuild([*many, strange], strict=True)
    assert "b0" in lexical(tmp_path, "orchard")
    assert lexical(tmp_path, "harbour") == ["a"]
    Indexer(tmp_path).add([LIGHT])
    assert "b0" in lexical(tmp_path, "orchard")
    assert all(one.level == "ok" for one in Indexer(tmp_path).check(full=True))


def test_nothing_is_pruned_where_something_could_not_be_read(tmp_path):
    Indexer(tmp_path).rebuild([HARBOUR, ORCHARD])
    summary = Indexer(tmp_path).rebuild([LIGHT, Problem("x.gz", "", "truncated", "cut")], prune=True)
    assert summary.deleted == 0
    assert summary.skipped_by_kind == {"truncated": 1, "unpruned": 1}
    assert lexical(tmp_path, "orchard") == ["b"]


def test_a_rollback_is_remembered_as_what_was_published_before(tmp_path):
    indexer = Indexer(tmp_path)
    for article in (HARBOUR, ORCHARD, LIGHT):
        indexer.rebuild([article])
    assert indexer.rollback() == "000002"
    assert indexer.rebuild().generation == "000004"
    assert indexer.rollback() == "000002"


def test_a_rollback_of_nothing_leaves_nothing_behind(tmp_path):
    with pytest.raises(IndexNotFoundError):
        Indexer(tmp_path / "none").rollback()
    assert not (tmp_path / "none" / "archive.db").exists()


def test_characters_that_cannot_be_stored_are_replaced_in_their_place(tmp_path):
    odd = Article(id="odd", lang="", title="T\x00T", text="Null \x00 and half a pair \ud800 stand before the harbour.")
    Indexer(tmp_path).add([odd])
    with Archive.open(tmp_path) as archive:
        article = archive.article("odd")
        assert article.text == "Null   and half a pair ? stand before the harbour."
        assert article.lang == "und"
        [hit] = archive.search("harbour").hits
        assert article.text[hit.answer.start : hit.answer.end] == hit.answer.text


def test_an_article_without_text_is_a_problem(tmp_path):
    summary = Indexer(tmp_path).add([replace(HARBOUR, text=" \n ")])
    assert (summary.added, summary.skipped_by_kind) == (0, {"empty": 1})
