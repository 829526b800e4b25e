"""Transformers run by onnxruntime, without torch: an embedder, and what it reads of each token in its context.

The folder has the layout of sentence-transformers, a Transformer, a Pooling (mean or first token) and perhaps a
Normalize, with the weights in `onnx/model.onnx` or `model.onnx`.

Every text is run by itself, and several at a time in threads of their own. There is no padding to compute, and a model
in 8-bit integers, which takes the range of its numbers from all that it is given, reads a text the same way whatever
stands beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from backissue.search.embedding import (
    ModelRecord,
    TokenVectors,
    Vectors,
    content_hash,
    encodable,
    modules_of,
)
from backissue.search.errors import InvalidArgumentError, MissingExtraError
from backissue.search.transformer import prompts_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

MODEL_FILES = ("onnx/model.onnx", "model.onnx")
MODULES = (("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize"))
INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
MAX_TOKENS = 512
"""Where the folder names no other limit."""

Pool = Callable[[Vectors], Vectors]
POOLS: dict[str, Pool] = {"mean": lambda states: np.asarray(states.mean(axis=0)), "cls": lambda states: states[0]}


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a transformer read it: the vector of the whole, of length one or zero, and of each token in context."""

    vector: Vectors
    tokens: TokenVectors


def onnx_file(folder: Path) -> Path | None:
    """The file of the weights where `folder` holds a model that this module runs."""
    if not (folder / "modules.json").is_file() or tuple(kind for kind, _ in modules_of(folder)) not in MODULES:
        return None
    return next((folder / name for name in MODEL_FILES if (folder / name).is_file()), None)


class OnnxEmbedder:
    """A transformer in a folder, run by onnxruntime."""

    def __init__(self, session: InferenceSession, tokenizer: Tokenizer, pool: Pool, model: ModelRecord) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._pool = pool
        self._model = model
        self._inputs = [one.name for one in session.get_inputs()]

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The model in a folder; its id is the folder's full path.

        Raises MissingExtraError without onnxruntime, InvalidArgumentError where the folder holds no model that can be
        run.
        """
        weights = onnx_file(folder)
        if weights is None:
            raise InvalidArgumentError(f"{folder} holds no transformer in ONNX: there is no {' or '.join(MODEL_FILES)}")
        (_, transformer), (_, pooling), *_ = modules_of(folder)
        pooling_config = folder / pooling / "config.json"
        pool = POOLS[_pooling(pooling_config)]
        tokenizer = _tokenizer(folder / transformer)
        session = _session(weights)
        configured = _config(folder / "config_sentence_transformers.json").get("prompts") or {}
        # Weights too large for one file stand beside it.
        parts = sorted(weights.parent.glob(f"{weights.name}*"))
        record = ModelRecord(
            str(folder.resolve()),
            content_hash([folder / transformer / "tokenizer.json", pooling_config, *parts]),
            _run(session, tokenizer.encode("a")).shape[1],
            *prompts_of(configured, folder.name),
        )
        return cls(session, tokenizer, pool, record)

    @property
    def model(self) -> ModelRecord:
        """What the vectors come from."""
        return self._model

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n questions; rows of length one, or zero where no token is known."""
        return self._embed(texts, self._model.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n passages; rows of length one, or zero where no token is known."""
        return self._embed(texts, self._model.passage_prompt)

    def read_query(self, text: str) -> Reading:
        """A question, word by word."""
        return self._read(self._model.query_prompt, text)

    def read_passages(self, texts: Sequence[str]) -> list[Reading]:
        """Passages, word by word."""
        return _in_threads(lambda text: self._read(self._model.passage_prompt, text), texts)

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        for vector, reading in zip(vectors, _in_threads(lambda text: self._read(prompt, text), texts), strict=True):
            vector[:] = reading.vector
        return vectors

    def _read(self, prompt: str, text: str) -> Reading:
        encoding = self._tokenizer.encode(encodable(prompt + text) if text.strip() else "")
        # The prompt's tokens count for the vector, and are none of the text's.
        spans = np.array(encoding.offsets, np.int32).reshape(-1, 2) - len(prompt)
        own = (np.array(encoding.special_tokens_mask) == 0) & (spans[:, 0] >= 0)
        if not own.any():
            nothing = np.zeros((0, self._model.dimension), np.float32)
            empty = TokenVectors(np.zeros(0, np.int32), np.zeros((0, 2), np.int32), nothing)
            return Reading(np.zeros(self._model.dimension, np.float32), empty)
        states = _run(self._session, encoding)
        vector = self._pool(states)
        tokens = TokenVectors(np.array(encoding.ids, np.int32)[own], spans[own], states[own])
        return Reading(vector / max(float(np.linalg.norm(vector)), 1e-12), tokens)


def _run(session: InferenceSession, encoding: Encoding) -> Vectors:
    """The last hidden states (t, d) of the t tokens of a text."""
    ids = np.array([encoding.ids], np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    wanted = {one.name: given[one.name] for one in session.get_inputs()}
    states: NDArray[np.float32] = session.run([session.get_outputs()[0].name], wanted)[0][0]
    return states


def _in_threads(read: Callable[[str], Reading], texts: Sequence[str]) -> list[Reading]:
    """`read` of each text, on all processors. The threads end with the call, so that a fork finds none."""
    if len(texts) <= 1:
        return [read(text) for text in texts]
    # The longest first, so that none is left over when the others are done.
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    with ThreadPoolExecutor(min(processors(), len(texts))) as threads:
        readings = dict(zip(order, threads.map(lambda i: read(texts[i]), order), strict=True))
    return [readings[i] for i in range(len(texts))]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(weights: Path) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(f"{weights} needs onnxruntime: pip install 'backissue[deep]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises nothing narrower
        raise InvalidArgumentError(f"{weights} cannot be read as an ONNX model: {error}") from error
    inputs = {one.name for one in session.get_inputs()}
    if not {"input_ids"} <= inputs <= INPUTS:
        raise InvalidArgumentError(f"{weights} asks for {', '.join(sorted(inputs))}; known are {', '.join(INPUTS)}")
    if len(session.get_outputs()[0].shape) != 3:
        raise InvalidArgumentError(f"the first output of {weights} must be of texts, tokens and dimensions")
    return session


def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InvalidArgumentError(f"{path} cannot be read as a tokeniser: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(_config(folder / "sentence_bert_config.json").get("max_seq_length") or MAX_TOKENS))
    tokenizer.encode_special_tokens = True  # What a text calls [SEP] is text.
    return tokenizer


def _pooling(path: Path) -> str:
    """The name in POOLS of the way of pooling that a configuration asks for."""
    config = _config(path)
    asked = {name.removeprefix("pooling_mode_") for name, on in config.items() if on is True and "pooling" in name}
    named = config.get("pooling_mode")
    name = (
        str(named) if named else "+".join(sorted(one.removesuffix("_tokens").removesuffix("_token") for one in asked))
    )
    if name not in POOLS:
        raise InvalidArgumentError(
            f"{path}: pooling by {name or 'nothing'}; onnxruntime models pool by mean or cls here"
        )
    return name


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise InvalidArgumentError(f"{path} is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise InvalidArgumentError(f"{path} must hold an object")
    return config
