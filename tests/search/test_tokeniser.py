"""The tokens of words, by mapped merges or by the whole tokeniser, are those that `tokenizers` gives the text."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from backissue.search import merges, tokeniser
from backissue.search.embedding import BUNDLED_FOLDER, sha256
from backissue.search.errors import InvalidArgumentError
from backissue.search.merges import Merges
from backissue.search.tensors import open_described
from backissue.search.tokeniser import Tokeniser, encodable

TEXTS = [
    "What does North Korea get in return?",
    "Kim Jong Un pojechał do Pjongjangu — „żywność”, 42% więcej.",
    "普京总统在平壤会见了金正恩。プーチン大統領 평양에서",
    "والكتاب بالقاهرة أحمد",
    "İstanbul'da ﬁnance ①②③ e\u0301 \u1e9b\u0323 \u200bzero\u200bwidth",
    "a\x1cb a\x85b a\u2028b a\u3000b a\tb \ud800 \U0001fae8",
    "aaaa abababab " + "ab" * 400,
    "",
]

BUNDLED = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
HASH = sha256(BUNDLED_FOLDER / "tokenizer.json").hex()


def opened(folder: Path = BUNDLED_FOLDER) -> Tokeniser:
    return Tokeniser.from_folder(folder, sha256(folder / "tokenizer.json").hex())


def expected(tokenizer: Tokenizer, text: str) -> list[list[int]]:
    """Id, start and end of each token of the text as one."""
    encoding = tokenizer.encode(encodable(text), add_special_tokens=False)
    return [[id_, start, end] for id_, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)]


def check(text: str) -> None:
    by_merges = Merges.open(BUNDLED_FOLDER, HASH)
    assert by_merges is not None
    found = by_merges.encode(encodable(text))
    assert [[id_, *span] for id_, span in zip(found.ids, found.offsets, strict=True)] == expected(BUNDLED, text)
    assert opened().token_rows(text).tolist() == expected(BUNDLED, text)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_the_text_as_one(text: str) -> None:
    check(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
@example("ab" * 100)
@example("\u06a7\u03d1 \x94\u115c\u030c\ufc38")
def test_tokens_of_any_text_are_those_of_the_text_as_one(text: str) -> None:
    check(text)


def test_the_merges_are_those_of_the_tokeniser() -> None:
    tensors, _ = open_described(BUNDLED_FOLDER / merges.FILE)
    content = json.loads((BUNDLED_FOLDER / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    ids = content["vocab"]
    pairs = [merge.split(" ") for merge in content["merges"]]
    keys, given_ = tensors["merges"].tolist(), tensors["merge_ids"].tolist()
    assert keys == sorted(keys)
    assert {ids[left] << 32 | ids[right]: ids[left + right] for left, right in pairs} == dict(
        zip(keys, given_, strict=True)
    )
    assert len(opened()) == len(ids)


def test_the_whole_tokeniser_takes_over_after_some_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokeniser, "FEW_WORDS", 7)
    read: list[Path] = []
    monkeypatch.setattr(tokeniser, "read_tokenizer", lambda path: read.append(path) or BUNDLED)
    some = opened()
    for words, files in (("six words that are few yet", 0), ("six words", 0), ("two more", 1), ("and more", 1)):
        assert some.token_rows(words).tolist() == expected(BUNDLED, words)
        assert len(read) == files, words


def test_a_word_that_would_take_long_is_left_to_the_whole_tokeniser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Merges, "encode", lambda *_: pytest.fail("took the long word"))
    long = "ab" * tokeniser.FEW_CHARS
    assert opened().token_rows(long).tolist() == expected(BUNDLED, long)


def test_merges_of_another_tokeniser_are_left_alone(tmp_path: Path) -> None:
    tiny().save(str(tmp_path / "tokenizer.json"))
    shutil.copy(BUNDLED_FOLDER / merges.FILE, tmp_path)
    some = opened(tmp_path)
    assert len(some) == tiny().get_vocab_size()
    assert some.token_rows("ab ba").tolist() == expected(tiny(), "ab ba")


def test_broken_merges_are_told_of(export: ModuleType, tmp_path: Path) -> None:
    export.save(tmp_path, tiny(), np.ones((tiny().get_vocab_size(), 4)))
    whole = (tmp_path / merges.FILE).read_bytes()
    for broken in (b"", whole[:40], whole[:-9], whole.replace(b"merge_ids", b"mergeXids")):
        (tmp_path / merges.FILE).write_bytes(broken)
        with pytest.raises(InvalidArgumentError, match=r"merges\.safetensors cannot be read"):
            opened(tmp_path)


def test_a_broken_tokeniser_is_told_of_when_there_are_no_merges(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidArgumentError, match="cannot be read as a tokeniser"):
        opened(tmp_path)


def tiny(**options: object) -> Tokenizer:
    """A tokeniser of pairs, of some words."""
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(["abba", "baab", "abab", "ba"], trainers.BpeTrainer(show_progress=False))
    return tokenizer


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that writes models."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "training"))
    return importlib.import_module("export")


def test_a_model_is_written_with_its_merges(export: ModuleType, tmp_path: Path) -> None:
    export.save(tmp_path, tiny(), np.ones((tiny().get_vocab_size(), 4)))
    found = Merges.open(tmp_path, sha256(tmp_path / "tokenizer.json").hex())
    assert found is not None
    assert len(found) == tiny().get_vocab_size()
    for text in ("ab ABBA baabab", "b a", "c"):
        assert opened(tmp_path).token_rows(text).tolist() == expected(tiny(), text)


@pytest.mark.parametrize(
    "other",
    [tiny(byte_fallback=True), tiny(dropout=0.1), tiny(ignore_merges=True), Tokenizer(models.BPE())],
)
def test_a_tokeniser_of_another_kind_is_written_without(export: ModuleType, tmp_path: Path, other: Tokenizer) -> None:
    (tmp_path / merges.FILE).write_bytes(b"of the model before")
    export.save_merges(tmp_path / merges.FILE, export.compact(other))
    assert not (tmp_path / merges.FILE).exists()
