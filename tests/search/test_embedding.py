"""All embedders keep one contract; the bundled model, written plainly, equals the sentence-transformers one."""

from __future__ import annotations

import functools
import importlib
import json
import multiprocessing
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from backissue.search.embedding import (
    BUNDLED_FOLDER,
    Embedder,
    ModelRecord,
    StaticEmbedder,
    TokenEmbedder,
    is_static_model,
    load_embedder,
    unit_rows,
)
from backissue.search.errors import InvalidArgumentError, MissingExtraError
from backissue.search.transformer import TransformerEmbedder, prompts_of

HASH = "sha256:" + "0" * 64
WORDS = ["north", "korea", "gets", "food", "for", "shells", "Pjongjang", "żywność", "мир", "平壤", "평양", "42"]


@pytest.fixture(scope="module")
def bundled() -> StaticEmbedder:
    return kept_bundled()


@pytest.fixture(scope="module")
def tiny_static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static model of 60 tokens and 8 dimensions with random weights and a query prompt."""
    folder = tmp_path_factory.mktemp("static")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(WORDS, trainers.BpeTrainer(vocab_size=60, show_progress=False))
    table = np.random.default_rng(7).standard_normal((tokenizer.get_vocab_size(), 8)).astype(np.float32)
    write_static(folder, tokenizer, table, prompts={"query": "for ", "document": ""})
    return folder


def write_static(folder: Path, tokenizer: Tokenizer, table: np.ndarray, prompts: dict[str, str]) -> None:
    types = ["StaticEmbedding", "Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(zip(types, ["", "1_Normalize"], strict=True))
    ]
    (folder / "1_Normalize").mkdir()
    (folder / "1_Normalize" / "config.json").write_text("{}")
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embedding.weight": table}, folder / "model.safetensors")


@pytest.fixture(scope="module")
def tiny_transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer BERT with random weights, saved by sentence-transformers, with prompts in its configuration."""
    pytest.importorskip("sentence_transformers", reason="needs backissue[transformers]")
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    except ImportError:  # before 6
        from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("transformer")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(word.lower() for word in WORDS), ":"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder / "body")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "body")
    body = Transformer(str(folder / "body"))
    pooling = Pooling(16)
    SentenceTransformer(modules=[body, pooling], prompts={"query": "for : ", "document": "food : "}, device="cpu").save(
        str(folder / "model")
    )
    return folder / "model"


@pytest.fixture(params=["bundled", "tiny_static", "tiny_onnx", "tiny_transformer"])
def embedder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Embedder:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if request.param == "bundled":
        return load_embedder()
    folder: Path = request.getfixturevalue(request.param)
    return load_embedder(folder)


def test_rows_are_float32_of_length_one_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = ["north korea", "food for shells", "north korea"]
    for embed in (embedder.embed_queries, embedder.embed_passages):
        vectors = embed(texts)
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, embedder.model.dimension)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
        assert vectors[0] @ vectors[1] < 0.999


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_queries([]).shape == (0, embedder.model.dimension)
    assert embedder.embed_passages([]).shape == (0, embedder.model.dimension)


def test_any_text_is_accepted(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(["\ud800 food", "\x00", "food " * 5000, "👩‍👩‍👧", "\n"])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors[2]) == pytest.approx(1, abs=1e-3)


def test_a_batch_is_the_same_as_one_by_one(embedder: Embedder) -> None:
    texts = [" ".join(WORDS[i:j]) for i in range(6) for j in range(i + 1, 9)]
    one_by_one = np.concatenate([embedder.embed_passages([text]) for text in texts])
    np.testing.assert_allclose(embedder.embed_passages(texts), one_by_one, atol=1e-5)


def test_the_record_finds_the_same_model_again(embedder: Embedder) -> None:
    assert isinstance(embedder, Embedder)
    assert load_embedder(embedder.model.id).model == embedder.model


@pytest.mark.parametrize("folder", ["tiny_static", "tiny_onnx", "tiny_transformer"])
def test_the_prompt_of_the_configuration_is_put_before_queries_only(
    folder: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    embedder = load_embedder(request.getfixturevalue(folder))
    query, passage = embedder.model.query_prompt, embedder.model.passage_prompt
    assert query.startswith("for ")
    bare = type(embedder).__new__(type(embedder))
    bare.__dict__ |= embedder.__dict__ | {"_model": ModelRecord("bare", HASH, embedder.model.dimension)}
    np.testing.assert_allclose(embedder.embed_queries(["korea"]), bare.embed_queries([query + "korea"]), atol=1e-6)
    np.testing.assert_allclose(embedder.embed_passages(["korea"]), bare.embed_queries([passage + "korea"]), atol=1e-6)


def by_definition(folder: Path, texts: list[str]) -> np.ndarray:
    """The mean of the rows of a text's tokens, scaled to length one, in float64 and without any cleverness."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tensors = load_file(folder / "model.safetensors")
    table = tensors["embedding.weight"].astype(np.float64)
    if "embedding.scale" in tensors:
        table *= tensors["embedding.scale"][:, None]
    means = np.zeros((len(texts), table.shape[1]))
    for mean, text in zip(means, texts, strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if ids:
            mean += table[ids].mean(axis=0)
            mean /= np.linalg.norm(mean)
    return means


SOME_TEXTS = [
    "What does North Korea get in return?",
    "Kim Jong Un pojechał do Pjongjangu — „żywność”, 42% więcej.",
    "Президент\u00a0України прибув до Пхеньяну…",
    "普京总统在平壤会见了金正恩。プーチン大統領",
    "İstanbul'da ﬁnance ①②③ e\u0301 \u1e9b\u0323 \u200bzero\u200bwidth",
    "a\x1cb a\x85b a\u2028b a\u3000b a\tb",
    "long " * 1200,
    "",
]


def test_bundled_vectors_follow_the_definition(bundled: StaticEmbedder) -> None:
    np.testing.assert_allclose(bundled.embed_passages(SOME_TEXTS), by_definition(BUNDLED_FOLDER, SOME_TEXTS), atol=1e-5)


@functools.cache
def kept_bundled() -> StaticEmbedder:
    return StaticEmbedder.bundled()


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that writes models."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "training"))
    return importlib.import_module("export")


def test_sentence_transformers_gives_the_same_vectors_where_the_model_is_written_plainly(
    bundled: StaticEmbedder, export: ModuleType, tmp_path: Path
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers", reason="needs backissue[transformers]")
    export.save(tmp_path, bundled._tokeniser.whole(), export.load(BUNDLED_FOLDER), plain=True)
    other = sentence_transformers.SentenceTransformer(str(tmp_path), device="cpu")
    texts = [text for text in SOME_TEXTS if text]
    # It sums in half precision, the type of the weights.
    np.testing.assert_allclose(bundled.embed_passages(texts), other.encode(texts), atol=2e-3)


def test_eight_bits_point_where_the_table_does(tiny_static: Path, export: ModuleType, tmp_path: Path) -> None:
    tokenizer, table = Tokenizer.from_file(str(tiny_static / "tokenizer.json")), export.load(tiny_static)
    table[3] = 0
    table[4] *= 1e-3  # A word that says little is as exact as any other.
    export.save(tmp_path, tokenizer, table)
    small = StaticEmbedder.from_folder(tmp_path)
    assert load_file(tmp_path / "model.safetensors")["embedding.weight"].dtype == np.int8
    ids = np.arange(small.vocabulary)
    vectors, wanted = small.vectors_of(ids), table / np.sqrt((table**2).mean())
    np.testing.assert_allclose(vectors, wanted, atol=0.01 * np.abs(wanted).max(axis=1, keepdims=True).max())
    cosines = (small.unit_vectors_of(ids) * unit_rows(table)).sum(axis=1)
    assert not vectors[3].any()
    assert np.delete(cosines, 3).min() > 0.9999
    np.testing.assert_allclose(export.load(tmp_path), vectors, atol=1e-6)


def test_whole_numbers_without_their_scales_are_refused(tiny_static: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_static / "tokenizer.json"))
    write_static(tmp_path, tokenizer, np.zeros((60, 8), np.int8), prompts={})
    with pytest.raises(InvalidArgumentError, match=r"embedding\.scale"):
        load_embedder(tmp_path)


def test_token_vectors_sum_to_the_text_and_their_spans_point_into_it(bundled: StaticEmbedder) -> None:
    text = "  Kim Jong Un\n\npojechał \u00a0do Pjongjangu; \ud800 żywność"
    tokens = bundled.token_vectors(text)
    assert isinstance(bundled, TokenEmbedder)
    assert tokens.vectors.dtype == np.float32
    assert tokens.vectors.shape == (len(tokens.ids), bundled.model.dimension)
    assert tokens.spans.shape == (len(tokens.ids), 2)
    total = tokens.vectors.sum(axis=0)
    np.testing.assert_allclose(total / np.linalg.norm(total), bundled.embed_passages([text])[0], atol=1e-5)
    covered = {i for start, end in tokens.spans for i in range(start, end)}
    assert "".join(text[i] for i in sorted(covered) if text[i].isalpha()) == "KimJongUnpojechałdoPjongjangużywność"
    assert (np.diff(tokens.spans[:, 0]) >= 0).all()


def test_a_text_without_tokens_has_no_token_vectors(bundled: StaticEmbedder) -> None:
    tokens = bundled.token_vectors(" \n")
    assert tokens.ids.shape == (0,)
    assert tokens.spans.shape == (0, 2)
    assert tokens.vectors.shape == (0, bundled.model.dimension)


def test_the_empty_text_is_similar_to_nothing(embedder: Embedder) -> None:
    assert not embedder.embed_queries(["", " \n"]).any()
    assert not embedder.embed_passages(["", " \n"]).any()


def test_a_full_memo_changes_nothing(tiny_static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word} {other}" for word in WORDS for other in WORDS]
    expected = StaticEmbedder.from_folder(tiny_static).embed_passages(texts)
    monkeypatch.setattr("backissue.search.tokeniser.MEMO_CHARS_MAX", 10)
    np.testing.assert_array_equal(StaticEmbedder.from_folder(tiny_static).embed_passages(texts), expected)


def test_several_threads_get_what_one_gets(tiny_static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word}{i} {other}" for i in range(5) for word in WORDS for other in WORDS]
    expected = StaticEmbedder.from_folder(tiny_static).embed_passages(texts)
    monkeypatch.setattr("backissue.search.tokeniser.MEMO_CHARS_MAX", 200)
    shared = StaticEmbedder.from_folder(tiny_static)
    got: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: got.append(shared.embed_passages(texts))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    for vectors in got:
        np.testing.assert_array_equal(vectors, expected)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_a_forked_child_embeds_without_a_warning(bundled: StaticEmbedder, capfd: pytest.CaptureFixture[str]) -> None:
    import os
    import sys

    bundled.embed_passages(["before the fork"])
    child = os.fork()
    if child == 0:
        ok = bundled.embed_passages(["after the fork, with new words"]).any()
        sys.stderr.flush()
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert capfd.readouterr().err == ""


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return


@pytest.mark.usefixtures("no_sockets")
def test_the_default_opens_no_socket() -> None:
    assert load_embedder().embed_queries(["what does North Korea get in return"]).any()


def test_two_models_of_one_dimension_differ_in_their_hash(tiny_static: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_static / "tokenizer.json"))
    table = load_file(tiny_static / "model.safetensors")["embedding.weight"]
    write_static(tmp_path, tokenizer, table + np.float32(0.01), prompts={})
    one, other = StaticEmbedder.from_folder(tiny_static).model, StaticEmbedder.from_folder(tmp_path).model
    assert one.dimension == other.dimension
    assert one.hash != other.hash


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ModelRecord("", HASH, 8), "needs an id"),
        (lambda: ModelRecord("m", "sha256:12", 8), "no content hash"),
        (lambda: ModelRecord("m", HASH, 0), "below 1"),
    ],
)
def test_a_record_refuses_nonsense(make: Callable[[], ModelRecord], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        make()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("modules.json", "{", "no list of a model's modules"),
        ("tokenizer.json", "{}", "cannot be read as a tokeniser"),
        ("model.safetensors", "short", "cannot be read"),
    ],
)
def test_a_broken_folder_names_the_file(tiny_static: Path, tmp_path: Path, name: str, content: str, says: str) -> None:
    for path in tiny_static.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        load_embedder(tmp_path)
    assert str(tmp_path / name) in str(caught.value)


def test_a_table_shorter_than_the_vocabulary_is_refused(tiny_static: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_static / "tokenizer.json"))
    write_static(tmp_path, tokenizer, np.zeros((3, 8), np.float32), prompts={})
    with pytest.raises(InvalidArgumentError, match="its table 3 rows"):
        load_embedder(tmp_path)


def test_an_unknown_name_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((MissingExtraError, InvalidArgumentError), match=r"backissue\[transformers\]|cannot be loaded"):
        load_embedder("nobody/no-such-model")


def test_a_folder_of_another_kind_is_no_static_model(tmp_path: Path) -> None:
    assert not is_static_model(tmp_path)
    (tmp_path / "modules.json").write_text(
        json.dumps([{"path": "", "type": "sentence_transformers.models.Transformer"}])
    )
    assert not is_static_model(tmp_path)
    assert is_static_model(BUNDLED_FOLDER)


@pytest.mark.parametrize(
    ("configured", "name", "prompts"),
    [
        ({"query": "q: ", "document": "d: "}, "intfloat/multilingual-e5-small", ("q: ", "d: ")),
        ({"query": "", "document": ""}, "intfloat/multilingual-e5-small", ("query: ", "passage: ")),
        ({}, "intfloat/multilingual-e5-large-instruct", ("", "")),
        ({}, "Snowflake/snowflake-arctic-embed-l-v2.0", ("query: ", "")),
        ({}, "sentence-transformers/LaBSE", ("", "")),
    ],
)
def test_prompts_come_from_the_configuration_then_the_family(
    configured: dict[str, str], name: str, prompts: tuple[str, str]
) -> None:
    assert prompts_of(configured, name) == prompts


def test_a_transformer_changes_with_its_weights_only(tiny_transformer: Path) -> None:
    first = TransformerEmbedder.from_name(str(tiny_transformer)).model
    assert first == TransformerEmbedder.from_name(str(tiny_transformer)).model
    assert first.id == str(tiny_transformer.resolve())


TRANSLATIONS = {
    "pl": ["Prezydent odwiedził Koreę Północną.", "Ceny żywności wzrosły rok temu.", "Rząd przyjął nową ustawę."],
    "uk": ["Президент відвідав Північну Корею.", "Торік ціни на продукти зросли.", "Уряд ухвалив новий закон."],
    "ru": ["Президент посетил Северную Корею.", "Цены на продукты выросли.", "Правительство приняло новый закон."],
    "de": [
        "Der Präsident besuchte Nordkorea.",
        "Lebensmittelpreise stiegen.",
        "Die Regierung beschloss ein neues Gesetz.",
    ],
    "fr": ["Le président a visité la Corée du Nord.", "Les prix ont augmenté.", "Le gouvernement a adopté une loi."],
    "ko": ["대통령이 북한을 방문했다.", "지난해 식품 가격이 올랐다.", "정부가 새로운 법을 채택했다."],
    "ja": ["大統領は北朝鮮を訪問した。", "昨年、食品の価格が上昇した。", "政府は新しい法律を採択した。"],
    "zh": ["总统访问了朝鲜。", "去年食品价格上涨。", "政府通过了一项新法律。"],
}
ENGLISH = ["The president visited North Korea.", "Food prices rose last year.", "The government adopted a new law."]


@pytest.mark.parametrize("lang", TRANSLATIONS)
def test_a_translation_is_nearer_than_another_sentence(bundled: StaticEmbedder, lang: str) -> None:
    cosines = bundled.embed_queries(ENGLISH) @ bundled.embed_passages(TRANSLATIONS[lang]).T
    own, other = cosines.diagonal(), cosines[~np.eye(3, dtype=bool)]
    assert own.min() > other.max() + 0.1, cosines.round(2)
