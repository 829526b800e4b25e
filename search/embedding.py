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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import InvalidArgumentError
from backissue.search.tensors import open_tensors

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

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

    def __init__(self, tokenizer: Tokenizer, table: Table, model: ModelRecord) -> None:
        self._tokenizer = tokenizer
        self._table = table
        self._model = model
        # Few bits take longer to read than to multiply, so what was read is kept.
        self._unit = _Rows(table.shape, self.vectors_of)
        self._chunk = _SPACED if _cuts_at_spaces(tokenizer) else _WHOLE
        self._memo: dict[str, bytes] = {}
        self._memo_chars = 0

    @classmethod
    def bundled(cls) -> StaticEmbedder:
        """The model of the package, loaded once in a process."""
        return _bundled()

    @classmethod
    def from_folder(cls, folder: Path, name: str | None = None) -> Self:
        """The model in a folder; its id is `name`, or the folder's full path."""
        from tokenizers import Tokenizer

        module = _static_module(folder) if (folder / "modules.json").is_file() else None
        if module is None:
            raise InvalidArgumentError(f"{folder} holds no static model: its modules.json names no StaticEmbedding")
        try:
            tokenizer = Tokenizer.from_file(str(module / "tokenizer.json"))
        except Exception as error:  # tokenizers raises nothing narrower
            raise InvalidArgumentError(f"{module / 'tokenizer.json'} cannot be read as a tokeniser: {error}") from error
        try:
            table = Table.open(module / "model.safetensors")
        except (OSError, ValueError, KeyError) as error:
            raise InvalidArgumentError(f"{module / 'model.safetensors'} cannot be read: {error}") from error
        rows, dimension = table.shape
        if rows < tokenizer.get_vocab_size():
            raise InvalidArgumentError(
                f"{module}: its tokeniser has {tokenizer.get_vocab_size()} tokens, its table {rows} rows"
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        query_prompt, passage_prompt = own_prompts(folder)
        record = ModelRecord(
            id=name or str(folder.resolve()),
            hash=content_hash([module / "tokenizer.json", module / "model.safetensors"]),
            dimension=dimension,
            query_prompt=query_prompt,
            passage_prompt=passage_prompt,
        )
        return cls(tokenizer, table, record)

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
        return self._chunk.findall(text)

    def token_ids(self, text: str) -> NDArray[np.int32]:
        """The ids (t,) of the tokens of `text`, without any prompt."""
        return _rows(b"".join(self._pieces(self._chunk.findall(text))))[:, 0]

    def token_ids_of_words(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids (t,) of the tokens of n `words`, one word's after the other's, and where each begins, (n + 1,)."""
        pieces = self._pieces(words)
        starts = np.cumsum([0, *map(len, pieces)], dtype=np.int64) // ROW_BYTES
        return _rows(b"".join(pieces))[:, 0], starts

    def vectors_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens, not normalised."""
        return self._table.of(ids)

    def unit_vectors_of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens at length 1."""
        return self._unit.of(ids)

    def token_spans(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The ids (t,) of the tokens of `text`, without any prompt, and where each stands in it (t, 2)."""
        chunks = list(self._chunk.finditer(text))
        pieces = self._pieces([chunk[0] for chunk in chunks])
        rows = _rows(b"".join(pieces))
        starts = np.repeat(
            np.array([chunk.start() for chunk in chunks], np.int32), [len(piece) // ROW_BYTES for piece in pieces]
        )
        return rows[:, 0], rows[:, 1:] + starts[:, None]

    def token_vectors(self, text: str) -> TokenVectors:
        """The tokens of `text`, without any prompt."""
        ids, spans = self.token_spans(text)
        return TokenVectors(ids, spans, self.vectors_of(ids))

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            chunks = self._chunk.findall(prompt + text) if text.strip() else ()
            ids = _rows(b"".join(self._pieces(chunks)))[:, 0]
            for first in range(0, len(ids), GATHER_TOKENS):
                part = ids[first : first + GATHER_TOKENS]
                rows = self._unit.of(part)
                vector += self._unit.lengths(part) @ rows
        # A sum points where the mean does.
        length: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, length, out=vectors, where=length > 0)
        return vectors

    def _pieces(self, chunks: Sequence[str]) -> list[bytes]:
        """The tokens of each chunk as int32 rows of (id, start, end within the chunk).

        Language repeats its words, so a look-up replaces nearly all the work of the tokeniser. A full memo is
        replaced and never emptied, because another thread may still read it.
        """
        memo = self._memo
        try:
            return [memo[chunk] for chunk in chunks]
        except KeyError:
            new = {chunk for chunk in chunks if chunk not in memo}
        memo.update(self._encode_all(list(new)))
        self._memo_chars += sum(map(len, new))
        if self._memo_chars > MEMO_CHARS_MAX:
            self._memo, self._memo_chars = {}, 0
        return [memo[chunk] for chunk in chunks]

    def _encode_all(self, chunks: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        if self._chunk is not _SPACED:
            for chunk in chunks:
                yield chunk, self._encode(chunk).tobytes()
            return
        # The tokens of a text are those of its words one by one, so many words are encoded as one text.
        for first in range(0, len(chunks), ENCODED_AT_ONCE):
            some = chunks[first : first + ENCODED_AT_ONCE]
            rows = self._encode(" ".join(some))
            starts = np.cumsum([0, *(len(chunk) + 1 for chunk in some)], dtype=np.int32)
            bounds = np.searchsorted(rows[:, 1], starts)
            rows[:, 1:] -= np.repeat(starts[:-1], np.diff(bounds))[:, np.newaxis]
            pieces = rows.tobytes()
            for chunk, (a, b) in zip(some, pairwise((bounds * ROW_BYTES).tolist()), strict=True):
                yield chunk, pieces[a:b]

    def _encode(self, text: str) -> NDArray[np.int32]:
        """One `encode` a text and no batch: a batch starts threads, which do not survive a fork."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        rows = np.empty((len(encoding.ids), 3), np.int32)
        rows[:, 0] = encoding.ids
        rows[:, 1:] = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        return rows


ENCODED_AT_ONCE = 256
GATHER_TOKENS = 1 << 9
"""Token vectors summed at a time: 512 of 256 dimensions stay in the second-level cache, 17 times faster than 65,536."""

MEMO_CHARS_MAX = 1_500_000
"""About 200,000 words, 45 MB."""

# The white space of the tokeniser's own rules (Unicode White_Space); Python's \s counts U+001C to U+001F as well.
_SPACED = re.compile("[^ \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_WHOLE = re.compile(r"(?s).+")
_SURROGATE = re.compile("[\ud800-\udfff]")
ROW_BYTES = 3 * np.dtype(np.int32).itemsize


class _Rows:
    """Vectors of tokens at length 1, and their lengths, that are worked out when they are first asked for, and kept.

    The system gives memory only to the rows that are written: 134 MB for all 131,072 tokens of the bundled model, of
    which an archive uses some.
    """

    def __init__(self, shape: tuple[int, int], vectors_of: Callable[[NDArray[np.integer[Any]]], Vectors]) -> None:
        self._rows = np.zeros(shape, dtype=np.float32)
        self._lengths = np.zeros(shape[0], dtype=np.float32)
        self._is_kept = np.zeros(shape[0], dtype=np.bool_)
        self._vectors_of = vectors_of

    def of(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The vectors (t, d) of tokens at length 1."""
        if len(new := ids[~self._is_kept[ids]]):
            vectors = self._vectors_of(new)
            self._lengths[new] = np.linalg.norm(vectors, axis=1)
            self._rows[new] = unit_rows(vectors)
            self._is_kept[new] = True
        rows: Vectors = self._rows[ids]
        return rows

    def lengths(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """The lengths (t,) of the vectors of tokens that `of` was asked for."""
        lengths: NDArray[np.float32] = self._lengths[ids]
        return lengths


def unit_rows(vectors: Vectors) -> Vectors:
    """The rows of vectors (n, d) at length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(norms, 1e-9)
    return unit


def _rows(pieces: bytes) -> NDArray[np.int32]:
    return np.frombuffer(pieces, np.int32).reshape(-1, 3)


_ONE_CHARACTER = re.compile(r"[^\[\s]|\[[^\]\s]+\]")
_SPACE_CUTTERS = frozenset({"WhitespaceSplit", "Whitespace", "BertPreTokenizer"})
_CHAR_NORMALIZERS = frozenset({"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"})


def _cuts_at_spaces(tokenizer: Tokenizer) -> bool:
    """Whether the tokens of a text are those of its words one by one."""
    cutters = _steps(tokenizer.pre_tokenizer, "pretokenizers")
    normalizers = _steps(tokenizer.normalizer, "normalizers")
    return bool(cutters) and cutters[0]["type"] in _SPACE_CUTTERS and all(map(_normalizes_characters, normalizers))


def _normalizes_characters(step: Mapping[str, Any]) -> bool:
    """Whether a step of a normaliser changes characters one by one, and no white space."""
    if step["type"] == "Replace":
        (pattern,) = step["pattern"].values()
        return _ONE_CHARACTER.fullmatch(pattern) is not None and not step["content"].isspace()
    return step["type"] in _CHAR_NORMALIZERS


def _steps(component: PreTokenizer | Normalizer | None, inner: str) -> list[dict[str, Any]]:
    """The steps of a part of a tokeniser, whose state is the JSON that tokenizer.json has of it."""
    if component is None:
        return []
    state = json.loads(component.__getstate__())
    steps: list[dict[str, Any]] = state.get(inner, [state])
    return steps


def encodable(text: str) -> str:
    """The text with lone surrogates replaced one for one, which no tokeniser takes."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


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


def content_hash(files: Sequence[Path]) -> str:
    """One SHA-256 over the contents of files, in their order."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"
