"""From articles to passages with vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backissue.indexer.chunk import chunk
from backissue.indexer.database import CutArticle, Layout
from backissue.search.embedding import Embedder
from backissue.search.types import Article

TARGET_WORDS = 120
"""Long enough to hold an answer with its context, short enough for one vector of averaged tokens to stay sharp."""

OVERLAP_SENTENCES = 1


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts articles into passages of about `target_words` and embeds these."""

    embedder: Embedder
    target_words: int = TARGET_WORDS
    overlap_sentences: int = OVERLAP_SENTENCES

    @property
    def layout(self) -> Layout:
        """What passages of this cutter are known by."""
        model = self.embedder.model
        return Layout(model.id, model.hash, model.dimension, self.target_words, self.overlap_sentences)

    def cut(self, articles: Sequence[Article]) -> list[CutArticle]:
        """The articles with their passages; all of them are embedded in one batch."""
        spans = [chunk(one.text, one.lang, self.target_words, self.overlap_sentences) for one in articles]
        texts = [
            with_title(article.title, article.text[start:end])
            for article, some in zip(articles, spans, strict=True)
            for start, end in some
        ]
        vectors = self.embedder.embed_passages(texts)
        result, first = [], 0
        for article, some in zip(articles, spans, strict=True):
            result.append(CutArticle(article, tuple(some), vectors[first : first + len(some)]))
            first += len(some)
        return result


def with_title(title: str, text: str) -> str:
    """A passage as it is embedded: its title gives it the context that the article's first words would."""
    return f"{title}\n{text}" if title else text
