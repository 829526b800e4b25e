"""From articles to passages with vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from backissue.indexer.chunk import chunk
from backissue.indexer.copies import signature
from backissue.indexer.database import CutArticle, Layout
from backissue.indexer.parallel import mapped
from backissue.search.embedding import Embedder, StaticEmbedder, load_embedder
from backissue.search.forward import in_context
from backissue.search.texts import deflated
from backissue.search.types import Article
from backissue.search.vectors import encode_vectors

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
            in_context(article.title, article.text[start:end])
            for article, some in zip(articles, spans, strict=True)
            for start, end in some
        ]
        vectors = encode_vectors(self.embedder.embed_passages(texts))
        result, first = [], 0
        for article, some in zip(articles, spans, strict=True):
            own = vectors[first : first + len(some)]
            result.append(CutArticle(article, deflated(article.text), tuple(some), own, signature(article.text)))
            first += len(some)
        return result


def cut_together(cutter: Cutter, batches: Iterable[Sequence[Article]]) -> Iterator[list[CutArticle]]:
    """Each batch of articles cut, in order; by other processes where the model is one that each of them can hold."""
    if not isinstance(cutter.embedder, StaticEmbedder):
        return map(cutter.cut, batches)
    layout = cutter.layout
    recipe = (layout.model_id, layout.target_words, layout.overlap_sentences)
    return mapped(_cut, ((recipe, batch) for batch in batches))


def _cut(task: tuple[tuple[str, int, int], Sequence[Article]]) -> list[CutArticle]:
    recipe, articles = task
    return _cutter(*recipe).cut(articles)


@cache
def _cutter(model_id: str, target_words: int, overlap_sentences: int) -> Cutter:
    return Cutter(load_embedder(model_id), target_words, overlap_sentences)
