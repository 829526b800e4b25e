"""Embedders in ONNX: transformers run by onnxruntime, without torch.

The folder has the layout of sentence-transformers, a Transformer, a Pooling (mean or first token) and perhaps a
Normalize, with the weights in `onnx/model.onnx` or `model.onnx`.

Every text is run by itself, and several at a time in threads of their own. There is no padding to compute, and a model
in 8-bit integers, which takes the range of its numbers from all that it is given, reads a text the same way whatever
stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from backissue.search.embedding import ModelRecord, Vectors, content_hash, modules_of, sha256
from backissue.search.errors import InvalidArgumentError
from backissue.search.onnx_session import in_threads, open_session
from backissue.search.tokeniser import encodable, read_tokenizer
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
            content_hash(map(sha256, [folder / transformer / "tokenizer.json", pooling_config, *parts])),
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

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        read = in_threads(lambda text: self._read(prompt, text), texts, len)
        for vector, one in zip(vectors, read, strict=True):
            vector[:] = one
        return vectors

    def _read(self, prompt: str, text: str) -> Vectors:
        """The vector (d,) of a text, of length one, or zero."""
        encoding = self._tokenizer.encode(encodable(prompt + text) if text.strip() else "")
        # The prompt's tokens count for the vector, and are none of the text's.
        starts = np.array(encoding.offsets, np.int32).reshape(-1, 2)[:, 0]
        own = (np.array(encoding.special_tokens_mask) == 0) & (starts >= len(prompt))
        if not own.any():
            return np.zeros(self._model.dimension, np.float32)
        vector = self._pool(_run(self._session, encoding))
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def _run(session: InferenceSession, encoding: Encoding) -> Vectors:
    """The last hidden states (t, d) of the t tokens of a text."""
    ids = np.array([encoding.ids], np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    wanted = {one.name: given[one.name] for one in session.get_inputs()}
    states: NDArray[np.float32] = session.run([session.get_outputs()[0].name], wanted)[0][0]
    return states


def _session(weights: Path) -> InferenceSession:
    session = open_session(weights)
    inputs = {one.name for one in session.get_inputs()}
    if not {"input_ids"} <= inputs <= INPUTS:
        raise InvalidArgumentError(f"{weights} asks for {', '.join(sorted(inputs))}; known are {', '.join(INPUTS)}")
    if len(session.get_outputs()[0].shape) != 3:
        raise InvalidArgumentError(f"the first output of {weights} must be of texts, tokens and dimensions")
    return session


def _tokenizer(folder: Path) -> Tokenizer:
    tokenizer = read_tokenizer(folder / "tokenizer.json")
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
