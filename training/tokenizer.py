"""The tokeniser: byte-pair merges over normalised words, the same for every language.

Text is normalised (NFKC, lower case, letters that are written in two ways as one), cut at white space, and punctuation
and digits stand alone; pieces are learned by BPE (Sennrich et al. 2016). Unknown characters yield no token.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

BALANCE = 0.5  # A language's share of the sample grows with the square root of its text.
WORD_START = "▁"


def sample(texts: Sequence[str], langs: Sequence[str], chars: int, seed: int = 0) -> Iterator[str]:
    """About `chars` characters of text, languages balanced, in random order."""
    total = Counter[str]()
    for lang, text in zip(langs, texts, strict=True):
        total[lang] += len(text)
    share = {lang: count**BALANCE for lang, count in total.items()}
    scale = chars / sum(share.values())
    keep = {lang: min(scale * share[lang] / total[lang], 1.0) for lang in total}
    chance = random.Random(seed)
    for lang, text in zip(langs, texts, strict=True):
        if chance.random() < keep[lang]:
            yield text


# Letters that writers use for each other: Arabic hamza seats and endings, Romanian cedillas, Russian yo, and marks
# that are left out as often as not. Single characters only, so that words are still normalised one by one.
SAME_LETTERS = (
    (Regex("[\u064b-\u0652\u0670\u0640\u0307]"), ""), (Regex("[أإآٱ]"), "ا"),
    ("ى", "ي"), ("ة", "ه"), ("ş", "ș"), ("ţ", "ț"), ("ё", "е"), ("ґ", "г"),
)  # fmt: skip
# Punctuation marks and symbols stand alone, digits in fours (a year is one piece), and scripts without spaces in runs
# of one script, which keeps Japanese particles off the words they follow. The Arabic article, with the conjunctions
# and prepositions that are written before it, is cut off its noun.
CUTS = (
    r"[^\p{L}\p{M}\p{N}]|\p{N}{1,4}|\p{Han}+|\p{Hiragana}+|[\p{Katakana}ー]+"
    r"|(?<![\p{L}\p{M}])[وف]?(?:[بك]?ال|لل)(?=\p{L}{2,})"
)
# Of scripts with spaces only: a Chinese word is the same within a sentence as at its start.
UNMARKED = rf"{WORD_START}(?=\p{{Han}}|\p{{Hiragana}}|\p{{Katakana}})|{WORD_START}(?!\p{{L}})"


def train(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """A tokeniser of `vocabulary` pieces; those that begin a word are marked."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), *(normalizers.Replace(*letters) for letters in SAME_LETTERS)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(CUTS), "isolated"),
            pre_tokenizers.Metaspace(replacement=WORD_START, prepend_scheme="always", split=False),
            pre_tokenizers.Split(Regex(UNMARKED), "removed"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=3, limit_alphabet=8000, show_progress=False, max_token_length=24
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
