"""Writes a student as a folder that onnxruntime runs, in the layout of sentence-transformers, in 8-bit integers.

The weights of the layers become 8-bit integers with a scale for each column, and what flows between them is quantised
as it comes (dynamic quantisation). The table of pieces, most of the model, is kept in 8-bit integers with a scale for
each row, which is applied to the rows that a text needs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from encoder import Encoder
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from reader import Reader
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from backissue.search.deep import MODEL_FILE

SPECIAL = ("[CLS]", "[SEP]", "[PAD]")
MAX_TOKENS = 256
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
PROMPTS = {"prompts": {"document": "", "query": ""}, "similarity_fn_name": "cosine"}


class TokenStates(torch.nn.Module):
    """What the file computes: the last hidden states of ids and mask (texts, tokens)."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.body = encoder.body

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(texts, tokens, dimension)."""
        return self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def save(folder: Path, student: Encoder, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> None:
    """Write weights, tokeniser and configuration."""
    dimension = student.body.config.hidden_size
    pooling = {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True}
    files: dict[str, Any] = {
        "modules.json": MODULES,
        "config_sentence_transformers.json": PROMPTS,
        "sentence_bert_config.json": {"max_seq_length": max_tokens, "do_lower_case": False},
        "1_Pooling/config.json": pooling,
        "2_Normalize/config.json": {},
        "config.json": student.body.config.to_dict(),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    with_specials(tokenizer).save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "onnx").mkdir(exist_ok=True)
    small = quantised(exported(student))
    _quantise_table(small)
    onnx.checker.check_model(small)
    onnx.save(small, folder / "onnx" / "model.onnx")


def save_reader(folder: Path, student: Reader) -> None:
    """Write the weights of a deep reader."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(quantised(exported_reader(student)), folder / MODEL_FILE)


def load_reader(folder: Path) -> Reader:
    """The reader that `save_reader` wrote, its weights as near as 8 bits come to them: to be trained on from there."""
    graph = onnx.load(folder / MODEL_FILE).graph
    kept = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
    layers = 1 + max(int(name.split(".")[1]) for name in kept if name.startswith("layers."))
    products = [f"layers.{number}.{part}" for number in range(layers) for part in ("ask", "attended", "up", "down")]
    multiplied = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
    weights = {}
    for product, name in zip(["project", "met", *products, "head"], multiplied, strict=True):
        columns = name.removesuffix("_quantized")
        integers = kept[name].float() - kept[f"{columns}_zero_point"].float()
        weights[f"{product}.weight"] = (integers * kept[f"{columns}_scale"]).T
    student = Reader(weights["project.weight"].shape[1], layers)
    student.load_state_dict({**{name: kept[name] for name in student.state_dict() if name in kept}, **weights})
    return student


def exported_reader(student: Reader) -> onnx.ModelProto:
    """The reader in ONNX, in float32."""
    vectors = torch.randn((2, 7, student.project.in_features))
    kinds = torch.tensor([[1, 3, 3, 2, 5, 5, 2], [1, 3, 2, 4, 5, 2, 0]])
    return in_onnx(student, {"vectors": vectors, "kinds": kinds}, "scores")


def with_specials(tokenizer: Tokenizer) -> Tokenizer:
    """The tokeniser with the special tokens behind its pieces, put around every text."""
    made = Tokenizer.from_str(tokenizer.to_str())
    made.add_special_tokens(list(SPECIAL))
    opening, closing, _ = SPECIAL
    made.post_processor = TemplateProcessing(
        single=f"{opening} $A {closing}",
        special_tokens=[(name, made.token_to_id(name)) for name in (opening, closing)],
    )
    return made


def exported(student: Encoder) -> onnx.ModelProto:
    """The model in ONNX, in float32."""
    ids = torch.zeros((2, 7), dtype=torch.int64)
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    return in_onnx(TokenStates(student), {"input_ids": ids, "attention_mask": mask}, "token_embeddings")


def in_onnx(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], output: str) -> onnx.ModelProto:
    """A module in ONNX, with its inputs by name, of which the first two dimensions may be of any length."""
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        dynamo=True,
        input_names=list(inputs),
        output_names=[output],
        dynamic_shapes=(sizes,) * len(inputs),
        verbose=False,
    )
    return program.model_proto


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with the weights of its products in 8-bit integers.

    Weights take seven of their bits: processors without VNNI add pairs of products in 16 bits, which eight overflow.
    """
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, before)
        quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        small = onnx.load(after)
    onnx.checker.check_model(small)
    return small


def _quantise_table(model: onnx.ModelProto) -> None:
    """Replace the look-up in the largest table of floats by one in integers and one in their scales."""
    graph = model.graph
    tables = {one.name: one for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    look_up = max(
        (node for node in graph.node if node.op_type == "Gather" and node.input[0] in tables),
        key=lambda node: int(np.prod(tables[node.input[0]].dims)),
    )
    table = tables[look_up.input[0]]
    integers, scales = quantised_rows(numpy_helper.to_array(table))
    name, ids, output = table.name, look_up.input[1], look_up.output[0]
    nodes = [
        helper.make_node("Gather", [f"{name}_int8", ids], [f"{output}_int8"], axis=0),
        helper.make_node("Gather", [f"{name}_scale", ids], [f"{output}_scale"], axis=0),
        helper.make_node("Cast", [f"{output}_int8"], [f"{output}_float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}_float", f"{output}_scale"], [output]),
    ]
    at = list(graph.node).index(look_up)
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*others[:at], *nodes, *others[at + 1 :]])
    graph.initializer.remove(table)
    graph.initializer.extend(
        [numpy_helper.from_array(integers, f"{name}_int8"), numpy_helper.from_array(scales, f"{name}_scale")]
    )


def quantised_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers (n, d) and scales (n, 1) whose products are the rows of a table, as near as 8 bits come."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
    return np.round(table / scales).astype(np.int8), scales
