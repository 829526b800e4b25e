"""From text to vectors: what an embedder is, and the bundled one, which needs no torch.

A static model is a table with one vector per token. A text is the mean of its tokens' vectors, scaled to length one; a
token's length is its learned weight. The folder has the layout of sentence-transformers (`modules.json` with a
`StaticEmbedding`). The table is of floating point, and then `SentenceTransformer(folder)` gives the same vectors, or of
8 bits, as the bundled one: whole numbers (n, d) with what each row is multiplied by, `embedding.scale` (n,).
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import InvalidArgumentError
from backissue.search.growing import Growing
from backissue.search.tensors import open_tensors
from backissue.search.tokeniser import ROW_BYTES, Tokeniser, rows

BUNDLED_ID = "bundled"
BUNDLED_FOLDER = Path(__file__).parent / "model"

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What makes two sets of vectors comparable.

    `id` finds the model again by `load_embedder`. `hash` is of its content, `sha256:` and 64 hexadecimal digits: two
    models of one name or one dimension still differ in it. The prompts are put before queries and passages.
    """

    id: str
    hash: str
    dimension: int
    query_prompt: str = ""
    passage_prompt: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidArgumentError("a model needs an id: its name, or its folder")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", self.hash):
            raise InvalidArgumentError(f"model {self.id}: {self.hash!r} is no content hash (sha256: and 64 hex digits)")
        if self.dimension < 1:
            raise InvalidArgumentError(f"model {self.id}: a dimension of {self.dimension} is below 1")


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The t tokens of a text: ids (t,), where each stands in the text (t, 2), and its vector (t, d), not normalised."""

    ids: NDArray[np.int32]
    spans: NDArray[np.int32]
    vectors: Vectors


@runtime_checkable
class Embedder(Protocol):
    """Embeds queries and passages, each in its own way; rows are of length one, so a dot product is a cosine.

    A text without any known token (the empty text) is the zero vector, which is similar to nothing. Any text is
    accepted, lone surrogates too. Both methods may be called from several threads.
    """

    @property
    def model(self) -> ModelRecord:
        """What the vectors come from."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n questions."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n passages."""
        ...


@runtime_checkable
class TokenEmbedder(Protocol):
    """Gives the vectors of single tokens, for late interaction (Khattab & Zaharia 2020)."""

    @property
    def model(self) -> ModelRecord:
        """What the ids and vectors come from."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many ids tokens may have."""
        ...

    def token_ids(self, text: str) -> NDArray[np.int32]:
        """The ids (t,) of the tokens of `text` in order."""
        ...

    def unit_vectors_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens at length 1."""
        ...

    def token_spans(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The ids (t,) of the tokens of `text` in order, and where each stands in it (t, 2)."""
        ...

    def token_vectors(self, text: str) -> TokenVectors:
        """The tokens of `text` in order."""
        ...


def load_embedder(model: str | Path | None = None) -> Embedder:
    """The embedder of a model: None or "bundled", a folder, or a name that sentence-transformers can find.

    A folder that holds the model in ONNX is run by onnxruntime. Raises InvalidArgumentError for a model that cannot be
    loaded and MissingExtraError where it needs the `deep` or the `transformers` extra.
    """
    if model is None or str(model) == BUNDLED_ID:
        return StaticEmbedder.bundled()
    if is_static_model(Path(model)):
        return StaticEmbedder.from_folder(Path(model))
    from backissue.search.onnx_embedder import OnnxEmbedder, onnx_file

    if onnx_file(Path(model)):
        return OnnxEmbedder.from_folder(Path(model))
    from backissue.search.transformer import TransformerEmbedder

    return TransformerEmbedder.from_name(str(model))


def is_static_model(folder: Path) -> bool:
    """Whether the folder holds a static model in the format of sentence-transformers."""
    return (folder / "modules.json").is_file() and _static_module(folder) is not None


@dataclass(frozen=True, slots=True)
class Table:
    """The vectors (n, d) of tokens as the file has them, mapped: a part of the memory, and nothing to wait for.

    Whole numbers are multiplied by the `scale` (n,) of their row.
    """

    weight: NDArray[Any]
    scale: NDArray[Any] | None

    @classmethod
    def open(cls, path: Path) -> Self:
        """The table in a safetensors file. Raises OSError, ValueError or KeyError where there is none."""
        tensors = open_tensors(path)
        weight = tensors["embedding.weight"]
        scale = None if weight.dtype.kind == "f" else tensors["embedding.scale"]
        if weight.ndim != 2:
            raise ValueError(f"a table of shape {weight.shape}")
        if scale is not None and scale.shape != weight.shape[:1]:
            raise ValueError(f"{len(weight)} rows with scales of shape {scale.shape}")
        return cls(weight, scale)

    @property
    def shape(self) -> tuple[int, int]:
        """How many tokens, and of how many dimensions."""
        rows, dimension = self.weight.shape
        return rows, dimension

    def of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens."""
        vectors: Vectors = self.weight[ids].astype(np.float32)
        if self.scale is not None:
            vectors *= self.scale[ids, np.newaxis]
        return vectors


@cache
def _bundled() -> StaticEmbedder:
    return StaticEmbedder.from_folder(BUNDLED_FOLDER, name=BUNDLED_ID)


class StaticEmbedder:
    """A static model, run by tokenizers and numpy."""

    def __init__(self, tokeniser: Tokeniser, table: Table, model: ModelRecord) -> None:
        self._tokeniser = tokeniser
        self._table = table
        self._model = model
        # Few bits take longer to read than to multiply, so what was read is kept.
        self._unit = _Rows(table.shape, self.vectors_of)

    @classmethod
    def bundled(cls) -> StaticEmbedder:
        """The model of the package, loaded once in a process."""
        return _bundled()

    @classmethod
    def from_folder(cls, folder: Path, name: str | None = None) -> Self:
        """The model in a folder; its id is `name`, or the folder's full path."""
        module = _static_module(folder) if (folder / "modules.json").is_file() else None
        if module is None:
            raise InvalidArgumentError(f"{folder} holds no static model: its modules.json names no StaticEmbedding")
        try:
            table = Table.open(module / "model.safetensors")
        except (OSError, ValueError, KeyError) as error:
            raise InvalidArgumentError(f"{module / 'model.safetensors'} cannot be read: {error}") from error
        of_tokeniser, of_table = map(sha256, (module / "tokenizer.json", module / "model.safetensors"))
        tokeniser = Tokeniser.from_folder(module, of_tokeniser.hex())
        rows_, dimension = table.shape
        if rows_ < len(tokeniser):
            raise InvalidArgumentError(f"{module}: its tokeniser has {len(tokeniser)} tokens, its table {rows_} rows")
        query_prompt, passage_prompt = own_prompts(folder)
        record = ModelRecord(
            id=name or str(folder.resolve()),
            hash=content_hash([of_tokeniser, of_table]),
            dimension=dimension,
            query_prompt=query_prompt,
            passage_prompt=passage_prompt,
        )
        return cls(tokeniser, table, record)

    @property
    def model(self) -> ModelRecord:
        """What the vectors come from."""
        return self._model

    @property
    def vocabulary(self) -> int:
        """How many ids tokens may have."""
        return self._table.shape[0]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n questions; rows of length one, or zero where no token is known."""
        return self._embed(texts, self._model.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n passages; rows of length one, or zero where no token is known."""
        return self._embed(texts, self._model.passage_prompt)

    def words(self, text: str) -> list[str]:
        """The parts of `text` in order whose tokens, one after the other, are those of the text."""
        return self._tokeniser.words(text)

    def token_ids(self, text: str) -> NDArray[np.int32]:
        """The ids (t,) of the tokens of `text`, without any prompt."""
        return rows(b"".join(self._tokeniser.tokens_of(self.words(text))))[:, 0]

    def token_ids_of_words(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids (t,) of the tokens of n `words`, one word's after the other's, and where each begins, (n + 1,)."""
        tokens = self._tokeniser.tokens_of(words)
        starts = np.cumsum([0, *map(len, tokens)], dtype=np.int64) // ROW_BYTES
        return rows(b"".join(tokens))[:, 0], starts

    def vectors_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens, not normalised."""
        return self._table.of(ids)

    def unit_vectors_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens at length 1."""
        return self._unit.of(ids)

    def token_spans(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The ids (t,) of the tokens of `text`, without any prompt, and where each stands in it (t, 2)."""
        found = self._tokeniser.token_rows(text)
        return found[:, 0], found[:, 1:]

    def token_vectors(self, text: str) -> TokenVectors:
        """The tokens of `text`, without any prompt."""
        ids, spans = self.token_spans(text)
        return TokenVectors(ids, spans, self.vectors_of(ids))

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            ids = self.token_ids(prompt + text if text.strip() else "")
            for first in range(0, len(ids), GATHER_TOKENS):
                vector += self._unit.sum_of(ids[first : first + GATHER_TOKENS])
        # A sum points where the mean does.
        length: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, length, out=vectors, where=length > 0)
        return vectors


GATHER_TOKENS = 1 << 9
"""Token vectors summed at a time: 512 of 256 dimensions stay in the second-level cache, 17 times faster than 65,536."""


class _Rows:
    """Vectors of tokens at length 1, and their lengths, that are worked out when they are first asked for, and kept.

    They stand in the order in which they were asked for, so that an archive has memory for those alone that it uses.
    """

    def __init__(self, shape: tuple[int, int], vectors_of: Callable[[NDArray[np.integer[Any]]], Vectors]) -> None:
        tokens, dimension = shape
        self._vectors_of = vectors_of
        self._keeping = threading.Lock()
        self._rows = Growing(np.zeros((0, dimension), dtype=np.float32))
        self._lengths = Growing(np.zeros(0, dtype=np.float32))
        self._places = np.full(tokens, -1, dtype=np.int32)

    def of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens at length 1."""
        places = self._kept(ids)
        unit: Vectors = self._rows.values[places]
        return unit

    def sum_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The sum (d,) of the vectors of tokens at their own lengths."""
        places = self._kept(ids)
        total: Vectors = self._lengths.values[places] @ self._rows.values[places]
        return total

    def _kept(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Where tokens stand."""
        places: NDArray[np.int32] = self._places[ids]
        if places.min(initial=0) < 0:
            with self._keeping:
                self._keep(np.array(list({*ids[self._places[ids] < 0].tolist()}), dtype=np.int32))
            places = self._places[ids]
        return places

    def _keep(self, new: NDArray[np.int32]) -> None:
        vectors = self._vectors_of(new)
        first = len(self._rows.values)
        self._rows = self._rows.followed_by(unit_rows(vectors))
        self._lengths = self._lengths.followed_by(np.linalg.norm(vectors, axis=1))
        self._places[new] = np.arange(first, first + len(new))  # Last: others read places first, then what is there.


def unit_rows(vectors: Vectors) -> Vectors:
    """The rows of vectors (n, d) at length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(norms, 1e-9)
    return unit


def _static_module(folder: Path) -> Path | None:
    """The folder of the StaticEmbedding module when the model is that, then perhaps scaled to length one."""
    modules = modules_of(folder)
    if [kind for kind, _ in modules] in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
        return folder / modules[0][1]
    return None


def modules_of(folder: Path) -> list[tuple[str, str]]:
    """The modules that a sentence-transformers model is made of, by its modules.json: type and path within `folder`."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [(module["type"].rpartition(".")[2], module["path"]) for module in modules]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(f"{folder / 'modules.json'} is no list of a model's modules: {error!r}") from error


def own_prompts(folder: Path) -> tuple[str, str]:
    """The query and passage prompts that a model's own configuration gives; "" where it gives none."""
    path = folder / "config_sentence_transformers.json"
    prompts = json.loads(path.read_text(encoding="utf-8")).get("prompts", {}) if path.is_file() else {}
    return prompts.get("query") or "", prompts.get("passage") or prompts.get("document") or ""


def sha256(path: Path) -> bytes:
    """The hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def content_hash(digests: Iterable[bytes]) -> str:
    """One SHA-256 over those of files, in their order."""
    return f"sha256:{hashlib.sha256(b''.join(digests)).hexdigest()}"
