"""A transformer of sixteen dimensions with random weights, in the format that `training/onnx_export.py` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LETTERS = "".join(sorted(set("abcdefghijklmnopqrstuvwxyząćęłńóśźżмирпівночакорєя平壤평양0123456789:")))
SPECIAL = ("[CLS]", "[SEP]", "[PAD]")
DIMENSION = 16
MAX_TOKENS = 64


def write_tiny_onnx(folder: Path, prompts: Mapping[str, str], pooling: str = "mean") -> None:
    """Every letter is a piece; one round of attention without weights lets the pieces of a text see each other."""
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    from onnx import helper, numpy_helper

    files = {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(
                [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
            )
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": DIMENSION, f"pooling_mode_{pooling}_tokens": True},
        "config_sentence_transformers.json": {"prompts": dict(prompts)},
        "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    table = np.random.default_rng(7).standard_normal((len(LETTERS) + len(SPECIAL), DIMENSION)).astype(np.float32)
    constants = {
        "table": table,
        "one": np.float32(1),
        "far": np.float32(-1e4),
        "first": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["states"]),
        helper.make_node("Transpose", ["states"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["states", "turned"], ["scores"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", ["one", "mask"], ["hidden"]),
        helper.make_node("Mul", ["hidden", "far"], ["away"]),
        helper.make_node("Unsqueeze", ["away", "first"], ["spread"]),
        helper.make_node("Add", ["scores", "spread"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "states"], ["seen"]),
        helper.make_node("Add", ["states", "seen"], ["token_embeddings"]),
    ]
    ids = [
        helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    ]
    states = helper.make_tensor_value_info("token_embeddings", onnx.TensorProto.FLOAT, ["n", "t", DIMENSION])
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", ids, [states], initial)
    (folder / "onnx").mkdir(exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "onnx" / "model.onnx")


def tiny_tokenizer() -> Tokenizer:
    """Lower-case letters; other characters are no token."""
    vocabulary = {letter: i for i, letter in enumerate(LETTERS)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, tokenizer.token_to_id(name)) for name in SPECIAL[:2]]
    )
    return tokenizer
