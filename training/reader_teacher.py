"""What the deep reader takes from the English teacher before it reads: layers, inputs, and the states of words.

The states of English words are pulled to those of the teacher in the same sentence, the mean states of an English
sentence and of its translation to the teacher's mean (Reimers & Gurevych 2020).
"""

from __future__ import annotations

import data
import numpy as np
import static
import torch
from encoder import Encoder, chosen_layers, precision
from reader import PLACES, Reader
from reader_batches import LENGTHS, Batch, Run, blocks
from readings import Row
from tokenizer import WORD_START
from tokenizers import Tokenizer
from torch.nn import functional

from backissue.search.deep import Kind
from backissue.search.embedding import StaticEmbedder

SENTENCES_AT_ONCE = 160
SENTENCE_WORDS = 40
LEAST_WORDS = 3
TAUGHT_AT_ONCE = 32
PARTS = {
    "attended": "attention.output.dense", "norm": "attention.output.LayerNorm", "up": "intermediate.dense",
    "down": "output.dense", "last_norm": "output.LayerNorm",
}  # fmt: skip


def start_from(
    student: Reader, teacher: Encoder, teacher_tokenizer: Tokenizer, embedder: StaticEmbedder, tokenizer: Tokenizer
) -> float:
    """Gives the student the teacher's layers, and inputs that are near to the teacher's for words that both know.

    These are fitted by least squares; how much of the variance of the teacher's vectors they explain is returned.
    """
    state, given = student.state_dict(), teacher.body.state_dict()
    for number, source in enumerate(chosen_layers(teacher.body.config.num_hidden_layers, len(student.layers))):
        mine, theirs = f"layers.{number}", f"encoder.layer.{source}"
        for kind in ("weight", "bias"):
            asked = [given[f"{theirs}.attention.self.{one}.{kind}"] for one in ("query", "key", "value")]
            state[f"{mine}.ask.{kind}"] = torch.cat(asked)
            for own, other in PARTS.items():
                state[f"{mine}.{own}.{kind}"] = given[f"{theirs}.{other}.{kind}"]
    words = given["embeddings.word_embeddings.weight"]
    state["places.weight"] = given["embeddings.position_embeddings.weight"][:PLACES].clone()
    state["kinds.weight"] = given["embeddings.token_type_embeddings.weight"][0].repeat(len(Kind), 1)
    state["kinds.weight"][Kind.OPENING] += words[teacher.opening]
    state["kinds.weight"][Kind.SEPARATOR] += words[teacher.closing]
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = given[f"embeddings.LayerNorm.{kind}"]
    theirs_by_word = teacher_tokenizer.get_vocab()
    pairs = [
        (number, theirs_by_word[token.removeprefix(WORD_START)])
        for token, number in tokenizer.get_vocab().items()
        if token.removeprefix(WORD_START) in theirs_by_word and (token[0] == WORD_START or not token[0].isalpha())
    ]
    vectors = embedder.vectors_of(np.array([one for one, _ in pairs]))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    inputs = np.hstack([vectors / (length + 1e-6), np.log(length + 0.1), np.ones_like(length)]).astype(np.float64)
    wanted = words[[other for _, other in pairs]].numpy().astype(np.float64)
    fitted = np.linalg.solve(inputs.T @ inputs + np.eye(inputs.shape[1]), inputs.T @ wanted)
    state["project.weight"] = torch.from_numpy(fitted[:-2].T).float().contiguous()
    state["weight"], state["project.bias"] = torch.from_numpy(fitted[-2]).float(), torch.from_numpy(fitted[-1]).float()
    student.load_state_dict(state)
    left, whole = wanted - inputs @ fitted, wanted - wanted.mean(axis=0)
    return float(1 - (left**2).sum() / (whole**2).sum())


class Sentences:
    """English sentences with their translations, and what the teacher makes of them."""

    def __init__(
        self, corpus: data.Corpus, teacher: Encoder, teacher_tokenizer: Tokenizer, tokenizer: Tokenizer
    ) -> None:
        self._corpus, self._teacher, self._theirs, self._own = corpus, teacher, teacher_tokenizer, tokenizer
        chosen = [kind == data.SENTENCES and "en" in pair.split("-") for kind, _, pair in corpus.group_names]
        worth = static.group_weights(corpus, 0.5) * np.array(chosen)
        rows = np.flatnonzero(worth[corpus.groups] > 0)
        self._rows = rows[np.argsort(corpus.groups[rows], kind="stable")]
        groups, self._starts, self._counts = np.unique(corpus.groups[self._rows], return_index=True, return_counts=True)
        self._worth = worth[groups] / worth[groups].sum()

    def draw(self, chance: np.random.Generator) -> tuple[list[list[str]], list[list[str]]]:
        """English sentences and translations, in words."""
        groups = chance.choice(len(self._worth), SENTENCES_AT_ONCE, p=self._worth)
        rows = self._rows[self._starts[groups] + (chance.random(len(groups)) * self._counts[groups]).astype(int)]
        english, other = [], []
        for one, _, two, _, _ in self._corpus.pairs[rows].tolist():
            sides = (one, two) if self._corpus.langs[one] == "en" else (two, one)
            told, said = [self._corpus.texts[side].split()[:SENTENCE_WORDS] for side in sides]
            if len(told) >= LEAST_WORDS and said:
                english.append(told)
                other.append(said)
        return english, other

    def loss(
        self, run: Run, embedder: StaticEmbedder, chance: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """How far the student's states are from the teacher's: one minus the cosine, of words and of sentences."""
        english, other = self.draw(chance)
        taught = self._taught(english, device)
        wanted = torch.stack([one.nanmean(0) for one in taught])
        rows, words = zip(*(self._row(sentence) for sentence in (*english, *other)), strict=True)
        of_words, of_sentences = [], []
        for some, length in blocks(rows):
            batch = Batch([rows[one] for one in some], embedder, length, device)
            with precision(device):
                states = run(batch.vectors, batch.kinds).float()
            for number, one in enumerate(some):
                own = states[number, batch.kinds[number] == Kind.TEXT]
                if not len(own):
                    continue
                of_sentences.append(1 - functional.cosine_similarity(own.mean(0), wanted[one % len(english)], dim=0))
                if one < len(english):
                    mine = _means(own, words[one], len(english[one]))
                    both = ~(mine[:, 0].isnan() | taught[one][:, 0].isnan())
                    of_words.append(1 - functional.cosine_similarity(mine[both], taught[one][both]))
        return torch.cat(of_words).mean() + torch.stack(of_sentences).mean()

    def _row(self, sentence: list[str]) -> tuple[Row, list[int]]:
        """A sentence as a passage without a question, and the number of the word that each token is of."""
        encodings = self._own.encode_batch(sentence, add_special_tokens=False)
        ids = [token for one in encodings for token in one.ids][: LENGTHS[-1] - 3]
        words = [number for number, one in enumerate(encodings) for _ in one.ids][: len(ids)]
        tokens, nothing = np.array(ids, np.int32), np.zeros(0, np.int32)
        return Row(nothing, nothing, tokens, np.zeros(len(tokens), np.bool_)), words

    @torch.inference_mode()
    def _taught(self, english: list[list[str]], device: torch.device) -> list[torch.Tensor]:
        """The teacher's states of the words of each sentence, (words, HIDDEN); NaN for words beyond its reach."""
        encodings = self._theirs.encode_batch(english, is_pretokenized=True)
        found = []
        for start in range(0, len(english), TAUGHT_AT_ONCE):
            some = encodings[start : start + TAUGHT_AT_ONCE]
            longest = max(len(one.ids) for one in some)
            ids = torch.tensor([one.ids + [0] * (longest - len(one.ids)) for one in some], device=device)
            mask = torch.tensor([[1] * len(one.ids) + [0] * (longest - len(one.ids)) for one in some], device=device)
            with precision(device):
                states = self._teacher.body(input_ids=ids, attention_mask=mask)[0].float()
            for number, one in enumerate(some):
                inside = [at for at, word in enumerate(one.word_ids) if word is not None]
                words = [word for word in one.word_ids if word is not None]
                found.append(_means(states[number, inside], words, len(english[start + number])))
        return found


def _means(states: torch.Tensor, words: list[int], count: int) -> torch.Tensor:
    """The mean states (count, HIDDEN) of words, by the word that each state is of; NaN where a word has none."""
    of = torch.tensor(words, dtype=torch.long, device=states.device)
    sums = states.new_zeros(count, states.shape[1]).index_add(0, of, states)
    numbers = states.new_zeros(count).index_add(0, of, torch.ones_like(of, dtype=states.dtype))
    return sums / torch.where(numbers > 0, numbers, torch.nan)[:, None]
