"""Any sentence-transformers model as an embedder, with its prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from backissue.search.embedding import ModelRecord, Vectors
from backissue.search.errors import InvalidArgumentError, MissingExtraError
from backissue.search.tokeniser import encodable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Query and passage prompts of families whose configuration does not give them, by a part of the name; the longest wins.
KNOWN_PROMPTS = {
    "e5-": ("query: ", "passage: "),
    "bge-small-en": ("Represent this sentence for searching relevant passages: ", ""),
    "bge-base-en": ("Represent this sentence for searching relevant passages: ", ""),
    "bge-large-en": ("Represent this sentence for searching relevant passages: ", ""),
    "mxbai-embed": ("Represent this sentence for searching relevant passages: ", ""),
    "snowflake-arctic-embed": ("Represent this sentence for searching relevant passages: ", ""),
    "snowflake-arctic-embed-l-v2": ("query: ", ""),
    "snowflake-arctic-embed-m-v2": ("query: ", ""),
    "nomic-embed-text": ("search_query: ", "search_document: "),
}
"""Instruction models of the e5 family ("-instruct") are not here: their query prompt describes the task."""

BATCH_TEXTS = 32

NO_CODE: dict[str, Any] = {"trust_remote_code": False, "model_kwargs": {"use_safetensors": True}}
"""How models are loaded: none may bring code of its own, nor weights in pickles, which are code as well."""


class TransformerEmbedder:
    """A model that sentence-transformers loads, by name or from a folder."""

    def __init__(self, encoder: SentenceTransformer, model: ModelRecord) -> None:
        self._encoder = encoder
        self._model = model

    @classmethod
    def from_name(cls, name: str) -> Self:
        """The model of a hub name or a folder; HF_HUB_OFFLINE keeps to what is already on this machine.

        Raises MissingExtraError without sentence-transformers, InvalidArgumentError where no such model can be loaded.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError(
                f"the model {name!r} needs sentence-transformers: pip install 'backissue[transformers]'"
            ) from error
        try:
            encoder = SentenceTransformer(name, **NO_CODE)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise InvalidArgumentError(
                f"the model {name!r} cannot be loaded: it is no folder of a sentence-transformers model and none that "
                f"the model hub gives ({error})"
            ) from error
        query_prompt, passage_prompt = prompts_of(encoder.prompts, name)
        # Renamed in sentence-transformers 6.
        dimension_of = getattr(encoder, "get_embedding_dimension", None) or encoder.get_sentence_embedding_dimension
        record = ModelRecord(
            id=str(Path(name).resolve()) if Path(name).is_dir() else name,
            hash=_weights_hash(encoder),
            dimension=int(dimension_of() or 0),
            query_prompt=query_prompt,
            passage_prompt=passage_prompt,
        )
        return cls(encoder, record)

    @property
    def model(self) -> ModelRecord:
        """What the vectors come from."""
        return self._model

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n questions, rows of length one."""
        return self._embed(texts, self._model.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, d) of n passages, rows of length one."""
        return self._embed(texts, self._model.passage_prompt)

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self._model.dimension), np.float32)
        told = [i for i, text in enumerate(texts) if text.strip()]
        if told:
            vectors[told] = self._encoder.encode(
                [encodable(texts[i]) for i in told],
                prompt=prompt,
                batch_size=BATCH_TEXTS,
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return vectors


def prompts_of(configured: dict[str, Any], name: str) -> tuple[str, str]:
    """Query and passage prompts: from the model's configuration, else of its family, else none."""
    query = configured.get("query") or ""
    passage = configured.get("passage") or configured.get("document") or ""
    if query or passage:
        return str(query), str(passage)
    base = Path(name).name.casefold()
    families = [family for family in KNOWN_PROMPTS if family in base and "instruct" not in base]
    return KNOWN_PROMPTS[max(families, key=len)] if families else ("", "")


def _weights_hash(encoder: SentenceTransformer) -> str:
    """SHA-256 over every weight's name, shape and bytes, so that it depends on the content and not on the files."""
    digest = hashlib.sha256()
    for name, weight in sorted(encoder.state_dict().items()):
        digest.update(f"{name}{tuple(weight.shape)}{weight.dtype}".encode())
        digest.update(bytes(weight.detach().cpu().contiguous().untyped_storage()))
    return f"sha256:{digest.hexdigest()}"
