"""The commands, run in this process on a small real index."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from backissue.api.cli.app import app
from backissue.api.cli.exits import MEANINGS
from backissue.api.cli.run import run
from backissue.search.archive import Archive
from backissue.search.types import Filter

OF_AN_INDEX = (
    *("rebuild", "add", "delete", "search", "show", "similar", "stats", "serve", "eval", "doctor", "rollback"),
    *("backup", "restore"),
)
VERBS = (*OF_AN_INDEX, "key")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def backissue(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.delenv("BACKISSUE_INDEX", raising=False)
    monkeypatch.delenv("BACKISSUE_DEBUG", raising=False)

    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return command


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A folder of three articles, one of them twice."""
    folder = tmp_path / "day"
    folder.mkdir()
    records = [
        {"id": "n1", "title": "Harbour opens", "text": "The new harbour opened on Monday with a parade of boats."},
        {"id": "n2", "title": "Most otwarty", "text": "Nowy most nad rzeką otwarto w poniedziałek przy orkiestrze."},
        {"id": "n3", "title": "Brücke gesperrt", "text": "Die alte Brücke ist seit Montag für alle gesperrt worden."},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    with gzip.open(folder / "day.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    return folder


# The commands themselves


def test_each_verb_takes_an_index_and_gives_json() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert tuple(commands) == VERBS
    for verb, command in commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", *(["--index"] if verb in OF_AN_INDEX else [])} <= options


@pytest.mark.parametrize("verb", VERBS)
def test_each_option_is_explained(backissue: Command, verb: str) -> None:
    code, out, _ = backissue(verb, "--help")
    assert code == 0
    assert f"Usage: backissue {verb}" in out
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    assert not [parameter.name for parameter in command.params if not parameter.help]


def test_help_explains_the_exit_codes(backissue: Command) -> None:
    code, out, _ = backissue("--help")
    assert code == 0
    for exit_code, meaning in MEANINGS.items():
        assert f"{exit_code.value}  {meaning}" in out


def test_version(backissue: Command) -> None:
    code, out, _ = backissue("--version")
    assert code == 0
    assert out.startswith("backissue 0.")


# Reading


def test_search_prints_what_answers(backissue: Command, press_index: Path) -> None:
    code, out, err = backissue("search", "who", "sends", "artillery", "shells", "--index", press_index)
    assert (code, err) == (0, "")
    assert " 1. Putin visits Pyongyang\n    The Harbour Post · 2024-06-19 · English · en-putin · score 0." in out
    assert "**North Korea sends artillery shells and receives food and energy in return.**" in " ".join(out.split())
    assert "    why: lexical #1; semantic #" in out


def test_search_in_json_is_what_the_library_gives(backissue: Command, press_index: Path, press: Archive) -> None:
    code, out, err = backissue(
        "search", "Kim", "--index", press_index, "--k", 2, "--lang", "Polish", "--mode", "lexical", "--json"
    )
    assert (code, err) == (0, "")
    given = json.loads(out)
    expected = press.search("Kim", k=2, mode="lexical", filter=Filter(langs=("pl",))).to_dict()
    assert given.pop("took_ms") > 0
    assert expected.pop("took_ms") > 0
    assert given == expected
    assert [hit["article"]["id"] for hit in given["hits"]] == ["pl/kim-1"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--lang", "pl"], {"pl/kim-1", "pl-odra"}),
        (["--lang", "German", "--lang", "EN", "--before", "2024"], {"de-satellit", "en-bakery"}),
        (["--source", "kurier polnocny", "--after", "2024"], {"pl-odra"}),
        (["--source", "Elbkurier", "--source", "The Harbour Post", "--on", "2023-11-22"], {"de-satellit"}),
        (["--section", "world"], {"en-putin"}),
        (["--author", "Lis"], {"pl/kim-1"}),
        (["--after", "2023", "--before", "2024-01-01"], {"pl/kim-1", "de-satellit"}),
        (["--on", "2024-06"], {"en-putin"}),
        (["--sort", "date", "--k", "1"], {"pl-odra"}),
        (["--sort", "date", "--k", "1", "--offset", "1"], {"en-putin"}),
    ],
)
def test_search_options(backissue: Command, press_index: Path, options: list[str], ids: set[str]) -> None:
    code, out, _ = backissue("search", "", "--index", press_index, "--json", *options)
    assert code == 0
    assert {hit["article"]["id"] for hit in json.loads(out)["hits"]} == ids


def test_a_minus_in_a_question_is_no_option(backissue: Command, press_index: Path) -> None:
    code, out, _ = backissue("search", "-Kim", "lang:pl", "--index", press_index, "--json")
    assert code == 0
    assert [hit["article"]["id"] for hit in json.loads(out)["hits"]] == ["pl-odra"]


def test_passages_are_three_in_json_and_can_be_chosen(backissue: Command, press_index: Path) -> None:
    _, out, _ = backissue("search", "Kim", "--index", press_index, "--json", "--passages", 1)
    assert {len(hit["passages"]) for hit in json.loads(out)["hits"]} == {1}


def test_nothing_found(backissue: Command, press_index: Path) -> None:
    code, out, _ = backissue("search", "lang:fr anything", "--index", press_index)
    assert code == 1 and out.startswith("Nothing found. Quotation marks, minus signs,")
    code, out, _ = backissue("search", "lang:fr anything", "--index", press_index, "--json")
    assert (code, json.loads(out)["hits"]) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search"], "Missing argument"),
        (["search", "x", "--lang", "klingon"], "--lang klingon is no language"),
        (["search", "x", "--after", "yesterday"], "--after yesterday is no date"),
        (["search", "x", "--on", "2023-02-30"], "--on 2023-02-30 is no date"),
        (["search", "x", "--k", "0"], "--k"),
        (["search", "x", "--k", "100000"], "k must be from 1 to 1000"),
        (["search", "x", "--mode", "psychic"], "--mode"),
        (["search", "x", "--recency-days", "-1"], "recency_days must be above 0"),
        (["search", "x", "--resort", "date"], "No such option: --resort"),
        (["find", "x"], "No such command"),
        (["add"], "Missing argument"),
        (["add", "nowhere"], "nowhere"),
        (["rebuild", "--prune"], "--prune needs paths"),
        (["rebuild", ".", "--map", "text"], "--map text is no pair"),
        (["rebuild", ".", "--map", "text=a", "--map", "text=b"], "--map gives text two columns: a and b"),
        (["serve", "--port", "0"], "--port"),
    ],
)
def test_wrong_arguments(
    backissue: Command, own_index: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(own_index)
    monkeypatch.setenv("BACKISSUE_INDEX", str(own_index))
    code, out, err = backissue(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in out + err


def test_errors_are_json_too(backissue: Command, tmp_path: Path) -> None:
    code, out, err = backissue("search", "x", "--index", tmp_path, "--json")
    assert code == 3
    assert json.loads(out)["error"]["code"] == "index_not_found"
    assert err.count("\n") == 1
    code, out, err = backissue("search", "x", "--k", "many", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "usage"


def test_the_index_may_come_from_the_environment(
    backissue: Command, press_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKISSUE_INDEX", str(press_index))
    assert backissue("stats").code == 0


@pytest.mark.parametrize(
    "verb", ["search x", "show x", "similar x", "delete x", "stats", "serve", "rebuild", "rollback"]
)
def test_there_is_no_index(backissue: Command, tmp_path: Path, verb: str) -> None:
    code, out, err = backissue(*verb.split(), "--index", tmp_path / "none")
    assert (code, out) == (3, "")
    assert err.endswith("[index_not_found]\n")
    assert "backissue rebuild" in err
    assert err.count("\n") == 1


def test_show(backissue: Command, press_index: Path, press: Archive) -> None:
    code, out, _ = backissue("show", "pl/kim-1", "--index", press_index)
    assert code == 0
    assert out.startswith("Kim wraca z Rosji. Co dostanie w zamian\nKurier Północny · 2023-09-18 · Polish · pl/kim-1\n")
    code, out, _ = backissue("show", "pl/kim-1", "--index", press_index, "--json")
    assert json.loads(out)["text"] == press.article("pl/kim-1").text
    code, _, err = backissue("show", "nothing", "--index", press_index)
    assert code == 1
    assert err.endswith("[article_not_found]\n")


def test_similar(backissue: Command, press_index: Path) -> None:
    code, out, _ = backissue("similar", "pl/kim-1", "--index", press_index, "--k", 2, "--lang", "en", "--json")
    assert code == 0
    assert [hit["article"]["id"] for hit in json.loads(out)["hits"]] == ["en-putin", "en-bakery"]
    code, out, _ = backissue("similar", "pl/kim-1", "--index", press_index)
    assert "pl/kim-1 ·" not in out


def test_stats(backissue: Command, press_index: Path, press: Archive) -> None:
    code, out, _ = backissue("stats", "--index", press_index)
    assert code == 0
    assert "articles         6\n" in out
    code, out, _ = backissue("stats", "--index", press_index, "--json")
    assert json.loads(out)["languages"] == press.stats()["languages"] == {"de": 2, "en": 2, "pl": 2}


# Writing


def test_from_files_to_answers(backissue: Command, day: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    code, out, err = backissue("rebuild", day, "--index", index)
    assert code == 0
    assert "articles    3\n  added     3\n" in out
    assert "publishing: 1 of 1 (100%)\n" in err
    code, out, _ = backissue("search", "harbour parade", "--index", index, "--json")
    assert json.loads(out)["hits"][0]["article"]["id"] == "n1"
    code, out, err = backissue("rebuild", day, "--index", index, "--json", "--quiet")
    assert (code, err) == (0, "")
    assert (json.loads(out)["added"], json.loads(out)["unchanged"]) == (0, 3)


def test_rebuild_of_what_is_held_and_rollback(backissue: Command, own_index: Path) -> None:
    code, out, _ = backissue("rebuild", "--index", own_index, "--json")
    assert (code, json.loads(out)["generation"]) == (0, "000002")
    code, out, _ = backissue("rollback", "--index", own_index, "--json")
    assert (code, json.loads(out)) == (0, {"generation": "000001"})
    assert backissue("search", "Kim", "--index", own_index).code == 0


def test_prune(backissue: Command, own_index: Path, day: Path) -> None:
    code, out, _ = backissue("rebuild", day, "--index", own_index, "--prune", "--json")
    assert (code, json.loads(out)["deleted"]) == (0, 6)
    assert json.loads(backissue("stats", "--index", own_index, "--json").out)["articles"] == 3


def test_add_and_delete(backissue: Command, own_index: Path, day: Path) -> None:
    assert json.loads(backissue("add", day, "--index", own_index, "--json").out)["added"] == 3
    assert backissue("show", "n2", "--index", own_index).code == 0
    assert backissue("delete", "n2", "n3", "gone", "--index", own_index).out == "Deleted 2 of 3.\n"
    assert backissue("show", "n2", "--index", own_index).code == 1
    code, out, _ = backissue("delete", "n2", "--index", own_index, "--json")
    assert (code, json.loads(out)["deleted"]) == (1, 0)


def test_columns_of_other_names(backissue: Command, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("nr,kopf,koerper\nz1,Hafen,Der neue Hafen wurde am Montag feierlich eröffnet.\n", "utf-8")
    index = tmp_path / "index"
    maps = ["--map", "id=nr", "--map", "title=kopf", "--map", "text=koerper"]
    assert backissue("rebuild", table, "--index", index, *maps).code == 0
    assert json.loads(backissue("show", "z1", "--index", index, "--json").out)["title"] == "Hafen"
    code, _, err = backissue("rebuild", table, "--index", index, "--map", "colour=nr")
    assert code == 2
    assert "colour" in err


def test_what_cannot_be_read_is_told_and_counted(backissue: Command, day: Path, tmp_path: Path) -> None:
    fine = '{"id": "ok", "text": "This one is fine, and long enough to be an article."}'
    (day / "broken.jsonl").write_text(fine + "\n{" * 25 + "\n", "utf-8")
    (day / "empty.txt").touch()
    index = tmp_path / "index"
    code, out, err = backissue("rebuild", day, "--index", index, "--quiet")
    assert code == 0
    assert err.count("\n") == 21
    assert "broken.jsonl, line 2: malformed: " in err
    assert err.endswith("skipped: 6 more; --json lists them all\n")
    assert "skipped     26 (malformed 25, empty 1)\n" in out
    code, out, _ = backissue("rebuild", day, "--index", index, "--quiet", "--json")
    assert len(json.loads(out)["problems"]) == 26


def test_a_strict_run_stops(backissue: Command, day: Path, tmp_path: Path) -> None:
    (day / "empty.txt").touch()
    code, _, err = backissue("rebuild", day, "--index", tmp_path / "index", "--strict", "--quiet")
    assert code == 4
    assert "empty.txt" in err
    assert err.endswith("[unreadable]\n")


def test_nothing_to_read(backissue: Command, own_index: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "empty.txt").touch()
    assert backissue("add", folder, "--index", own_index).code == 1


# Looking after


def test_doctor_finds_all_well(backissue: Command, press_index: Path) -> None:
    code, out, _ = backissue("doctor", "--index", press_index, "--full")
    assert code == 0
    assert "package   tantivy 0." in out
    assert out.endswith("All is well.\n")
    code, out, _ = backissue("doctor", "--index", press_index, "--json")
    diagnosis = json.loads(out)
    assert diagnosis["ok"] is True
    assert diagnosis["index"]["model"]["hash"] == diagnosis["model"]["hash"]
    assert None not in diagnosis["packages"].values()


def test_doctor_names_a_missing_index(backissue: Command, tmp_path: Path) -> None:
    code, out, _ = backissue("doctor", "--index", tmp_path / "none")
    assert code == 1
    assert "backissue rebuild PATH… --index" in out


def test_doctor_finds_and_mends_a_cut_file(backissue: Command, own_index: Path) -> None:
    file = max((own_index / "generations").rglob("vectors*"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-10])
    code, out, _ = backissue("doctor", "--index", own_index, "--full")
    assert code == 1
    assert "error     " in out
    assert file.name in out
    code, out, err = backissue("doctor", "--index", own_index, "--full", "--repair")
    assert code == 0
    assert "built anew" in err
    assert backissue("search", "Kim", "--index", own_index).code == 0


def test_repair_of_what_is_whole_changes_nothing(backissue: Command, own_index: Path) -> None:
    code, _, err = backissue("doctor", "--index", own_index, "--repair")
    assert (code, err) == (0, "Nothing was wrong.\n")
    assert [path.name for path in (own_index / "generations").iterdir() if path.is_dir()] == ["000001"]


# Measuring


@pytest.fixture
def judged(tmp_path: Path) -> list[object]:
    questions, qrels = tmp_path / "questions.jsonl", tmp_path / "qrels.txt"
    questions.write_text(
        '{"qid": "q1", "lang": "pl", "question": "Odra wystąpiła z brzegów"}\n'
        '{"qid": "q2", "lang": "en", "question": "quarterly earnings of a software company"}\n',
        "utf-8",
    )
    qrels.write_text("q1 0 pl-odra 1\n", "utf-8")
    return ["--questions", questions, "--qrels", qrels, "--quiet"]


def test_eval(backissue: Command, press_index: Path, judged: list[object], tmp_path: Path) -> None:
    run_file = tmp_path / "run.txt"
    code, out, err = backissue("eval", *judged, "--index", press_index, "--run", run_file)
    assert (code, err) == (0, "")
    assert "pl → pl              1     1.000     1.000     1.000\n" in out
    assert "all                  1     1.000     1.000     1.000\n" in out
    assert run_file.read_text("utf-8").startswith("q1 Q0 pl-odra 1 1.000000 backissue-hybrid-fast\n")
    code, out, _ = backissue("eval", *judged, "--index", press_index, "--json", "--mode", "lexical", "--rerank", "off")
    report = json.loads(out)
    assert report["overall"] == {"questions": 1, "nDCG@10": 1.0, "R@100": 1.0, "RR": 1.0}
    assert report["no_good_answer"]["unanswerable"]["questions"] == 1


def test_eval_of_broken_questions(backissue: Command, press_index: Path, judged: list[object]) -> None:
    Path(str(judged[1])).write_text("{", "utf-8")
    code, _, err = backissue("eval", *judged, "--index", press_index)
    assert code == 4
    assert "questions.jsonl, line 1" in err


def test_eval_names_the_extra_it_needs(
    backissue: Command, press_index: Path, judged: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    code, _, err = backissue("eval", *judged, "--index", press_index)
    assert code == 5
    assert "pip install 'backissue[eval]'" in err


# How it ends


def test_an_unexpected_error_is_one_line(backissue: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> Archive:
        raise RuntimeError(f"bad\nthing at {path}")

    monkeypatch.setattr(Archive, "open", broken)
    assert backissue("stats") == (70, "", "backissue: RuntimeError: bad thing at index [unexpected]\n")
    monkeypatch.setenv("BACKISSUE_DEBUG", "1")
    assert "Traceback (most recent call last)" in backissue("stats").err


def test_an_interruption_says_what_is_safe(backissue: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> Archive:
        raise KeyboardInterrupt

    monkeypatch.setattr(Archive, "open", interrupted)
    code, out, err = backissue("stats")
    assert (code, out) == (130, "")
    assert "What was acknowledged is kept" in err


# Backups and keys


def test_a_backup_is_one_file_that_restores(backissue: Command, small_index: Path, tmp_path: Path) -> None:
    code, out, _ = backissue("backup", tmp_path / "b.db", "--index", small_index, "--json")
    made = json.loads(out)
    assert (code, made["articles"], made["bytes"]) == (0, 6, (tmp_path / "b.db").stat().st_size)
    code, out, _ = backissue("restore", tmp_path / "b.db", "--index", tmp_path / "new")
    assert code == 0
    assert out.startswith(f"Restored from {tmp_path / 'b.db'}: 6 articles, ")
    assert backissue("search", "dam", "--index", tmp_path / "new").code == 0
    code, _, err = backissue("restore", tmp_path / "b.db", "--index", tmp_path / "new")
    assert code == 2
    assert "--replace" in err
    assert backissue("restore", tmp_path / "b.db", "--index", tmp_path / "new", "--replace").code == 0


def test_a_key_is_a_secret_and_what_the_server_knows_of_it(backissue: Command) -> None:
    code, out, _ = backissue("key", "desk", "--scope", "write", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["key"] == f"desk:write:{hashlib.sha256(made['secret'].encode()).hexdigest()}"
    assert backissue("key", "a:b", "--scope", "read").code == 2
    assert backissue("key", "desk", "--scope", "owner").code == 2
