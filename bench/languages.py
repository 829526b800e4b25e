"""A corpus of several languages that say the same: words of the training questions, and their likely translations."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np

from backissue.search.analysis import terms
from backissue.search.embedding import StaticEmbedder
from backissue.search.translations import Translations
from bench.corpus import WORDS_A_PASSAGE, Corpus, in_sentences

QUESTIONS = Path(__file__).parents[1] / "training" / "questions.tsv"
LANGS = ("en", "pl", "de", "fr", "es", "uk", "ru", "cs")
_PASSAGES_A_TOPIC = 200
_WORDS_A_TOPIC = 60


def make(passages: int, questions: int, seed: int = 2) -> Corpus:
    """So many passages, language by language in turn, and English questions; their vectors are those of the model."""
    rng, table = random.Random(seed), Translations.bundled()
    counts = Counter(terms(QUESTIONS.read_text(encoding="utf-8"), "en"))
    words = [word for word in counts if word.isalpha() and any(table.translate(word, "en", lang) for lang in LANGS)]
    weights = [counts[word] for word in words]
    said = {
        lang: {word: [one for one, _ in table.translate(word, "en", lang)] or [word] for word in words}
        for lang in LANGS
    }
    topics = [rng.choices(words, k=_WORDS_A_TOPIC) for _ in range(max(passages // _PASSAGES_A_TOPIC, 4))]

    def drawn(length: int, lang: str, share: float) -> str:
        topic = rng.choice(topics)
        chosen = rng.choices(words, weights, k=length)
        mixed = (rng.choice(topic) if rng.random() < share else word for word in chosen)
        return in_sentences([rng.choice(said[lang][word]) if lang != "en" else word for word in mixed])

    texts = [drawn(rng.randint(*WORDS_A_PASSAGE), LANGS[row % len(LANGS)], 0.4) for row in range(passages)]
    asked = [drawn(rng.randint(4, 7), "en", 0.9) for _ in range(questions)]
    embed = StaticEmbedder.bundled()
    vectors = np.concatenate([embed.embed_passages(texts[i : i + 1000]) for i in range(0, passages, 1000)])
    return Corpus(texts, vectors, asked, embed.embed_queries(asked), LANGS)
