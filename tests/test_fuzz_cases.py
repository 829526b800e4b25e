"""What fuzzing found once is found no more, and every target holds on what it begins with."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("fuzz")
CASES = sorted(path for path in (FOLDER / "cases").rglob("*") if path.is_file())


def load():
    spec = importlib.util.spec_from_file_location("fuzz_targets", FOLDER / "targets.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.TARGETS


TARGETS = load()


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name[:20]}")
def test_what_was_found_holds(path):
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_holds_on_little(name):
    for data in (b"", b"a", b"\0", b"\xff\xfe", b'{"text": "A short article."}', b"<p>A page</p>", bytes(range(256))):
        TARGETS[name](data)
