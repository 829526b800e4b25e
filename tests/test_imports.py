"""What is loaded before it is needed costs everyone who starts the program. Asked in processes of their own."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "faiss",
    "tantivy",
    "tokenizers",
    "fastapi",
    "pydantic",
    "rich",
    "trafilatura",
    "lxml",
    "torch",
    "numpy.ma",
)


def loaded(code):
    """Which heavy modules a program has loaded at its end."""
    program = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*arguments):
    return loaded(f"from backissue.api.cli.run import run\nassert run({arguments!r}) == 0")


def test_the_library_is_there_before_its_engine():
    assert loaded("import backissue.search") == set()


def test_the_archive_brings_the_engine_without_its_indexes_and_models():
    assert loaded("from backissue.search import Archive") == {"numpy"}


def test_an_unknown_name_is_no_attribute():
    import backissue.search

    with pytest.raises(AttributeError, match="Archives"):
        _ = backissue.search.Archives


@pytest.mark.parametrize("arguments", [("--version",), ("search", "--help"), ("rebuild", "--help")])
def test_help_loads_nothing(arguments):
    assert command(*arguments) == set()


def test_a_search_loads_what_it_searches_with_and_no_more(small_index):
    assert command("search", "train", "--index", str(small_index)) == {"numpy", "tantivy", "tokenizers"}
