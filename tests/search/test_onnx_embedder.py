"""The onnxruntime embedder: what it computes and refuses. What all embedders have in common: test_embedding.py."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from conftest import ARTICLES
from tiny_onnx import MAX_TOKENS, tiny_tokenizer, write_tiny_onnx

from backissue.indexer import Indexer
from backissue.search import Archive
from backissue.search.embedding import load_embedder
from backissue.search.errors import InvalidArgumentError, MissingExtraError
from backissue.search.onnx_embedder import OnnxEmbedder, onnx_file


@pytest.fixture
def folder(tiny_onnx: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(tiny_onnx, tmp_path / "model"))


def by_definition(folder: Path, text: str) -> np.ndarray:
    """The states of the tokens of a text, opening and closing included, as the graph of tiny_onnx has them."""
    from onnx import load, numpy_helper

    constants = {one.name: numpy_helper.to_array(one) for one in load(folder / "onnx" / "model.onnx").graph.initializer}
    states = constants["table"][tiny_tokenizer().encode(text).ids].astype(np.float64)
    scores = states @ states.T
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return states + shares / shares.sum(axis=1, keepdims=True) @ states


def test_a_passage_is_the_mean_of_its_tokens_in_context(tiny_onnx: Path) -> None:
    wanted = by_definition(tiny_onnx, "food : north korea").mean(axis=0)
    vector = load_embedder(tiny_onnx).embed_passages(["north korea"])[0]
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_model_that_pools_by_its_first_token_is_read_so(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    write_tiny_onnx(tmp_path, {})
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls", "embedding_dimension": 16}')
    wanted = by_definition(tmp_path, "korea")[0]
    vector = load_embedder(tmp_path).embed_queries(["korea"])[0]
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_text_in_the_words_of_special_tokens_is_text(tiny_onnx: Path) -> None:
    embedder = OnnxEmbedder.from_folder(tiny_onnx)
    np.testing.assert_allclose(
        embedder.embed_passages(["a [SEP] b"]), embedder.embed_passages(["a (sep) b"]), atol=1e-6
    )


def test_a_long_text_is_read_to_the_limit_of_the_model(tiny_onnx: Path) -> None:
    embedder = OnnxEmbedder.from_folder(tiny_onnx)
    prompt_tokens = len("food:")
    kept = "a" * (MAX_TOKENS - 2 - prompt_tokens)
    np.testing.assert_allclose(embedder.embed_passages([kept + "b" * 500]), embedder.embed_passages([kept]), atol=1e-6)


def test_a_text_is_read_the_same_whatever_stands_beside_it(tiny_onnx: Path) -> None:
    embedder = OnnxEmbedder.from_folder(tiny_onnx)
    alone = embedder.embed_passages(["north"])
    np.testing.assert_array_equal(embedder.embed_passages(["korea " * 9, "north", "", "food"])[1:2], alone)


def test_prompts_that_the_configuration_lacks_come_from_the_family(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs backissue[deep]")
    folder = tmp_path / "multilingual-e5-small"
    write_tiny_onnx(folder, {})
    model = load_embedder(folder).model
    assert (model.query_prompt, model.passage_prompt) == ("query: ", "passage: ")


def test_the_hash_is_of_the_weights_the_tokeniser_and_the_pooling(folder: Path) -> None:
    first = load_embedder(folder).model
    assert load_embedder(folder).model == first
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    assert load_embedder(folder).model.hash != first.hash


def test_the_transformer_can_be_the_model_of_an_index(tiny_onnx: Path, tmp_path: Path) -> None:
    Indexer(tmp_path / "index", model=str(tiny_onnx)).rebuild(ARTICLES)
    with Archive.open(tmp_path / "index") as archive:
        stats = archive.stats()["model"]
        assert stats["id"] == str(tiny_onnx.resolve())
        assert stats["hash"] == OnnxEmbedder.from_folder(tiny_onnx).model.hash
        assert archive.search("armoured train", mode="semantic").hits


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_embeds(tiny_onnx: Path) -> None:
    embedder = load_embedder(tiny_onnx)
    embedder.embed_passages(["before", "the fork"])
    child = os.fork()
    if child == 0:
        os._exit(0 if embedder.embed_passages(["after", "the fork"]).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_no_socket_is_opened(tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert load_embedder(tiny_onnx).embed_queries(["korea"]).any()


@pytest.mark.usefixtures("no_onnxruntime")
def test_without_onnxruntime_the_message_names_the_extra(folder: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'backissue\[deep\]'"):
        load_embedder(folder)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("onnx/model.onnx", "no model", "cannot be read as an ONNX model"),
        ("tokenizer.json", "{}", "cannot be read as a tokeniser"),
        ("1_Pooling/config.json", '{"pooling_mode_max_tokens": true}', "pooling by max"),
        ("1_Pooling/config.json", "[", "is no JSON"),
        ("sentence_bert_config.json", "[]", "must hold an object"),
    ],
)
def test_a_broken_folder_names_the_file(folder: Path, name: str, content: str, says: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        load_embedder(folder)
    assert str(folder / name) in str(caught.value)


def test_only_what_can_be_run_is_taken_for_such_a_model(folder: Path, tmp_path: Path) -> None:
    assert onnx_file(folder) == folder / "onnx" / "model.onnx"
    assert onnx_file(tmp_path) is None
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules[:2], dense]))
    assert onnx_file(folder) is None
    with pytest.raises(InvalidArgumentError, match=r"holds no transformer in ONNX"):
        OnnxEmbedder.from_folder(folder)
