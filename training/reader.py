"""The deep reader: a small transformer that reads a question and a passage together, in vectors of the static model.

What goes in are the static model's vectors of the tokens, and what each is (`Kind`); what comes out is a log-odds for
each token of the passage that the answer stands there. The softmax of these over several passages of one question is
learned, so that passages can be compared by the sum of what is in them (shared normalisation, Clark & Gardner 2018).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from backissue.search.deep import Kind

HIDDEN = 384
HEADS = 12
LAYERS = 4
PLACES = 320
"""The most tokens of question and passage together, with the three that stand around them."""
NOWHERE = -1e4
SHARPNESS = 16.0
PADDING, QUESTION, TITLE, TEXT = int(Kind.PADDING), int(Kind.QUESTION), int(Kind.TITLE), int(Kind.TEXT)


class Layer(nn.Module):
    """A layer of BERT: attention, then two products with a GELU between, each added and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.ask = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.attended = nn.Linear(HIDDEN, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.up = nn.Linear(HIDDEN, 4 * HIDDEN)
        self.down = nn.Linear(4 * HIDDEN, HIDDEN)
        self.last_norm = nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, t, HIDDEN) from the same; `mask` (n, 1, 1, t) is added to the attention."""
        rows, length, _ = states.shape
        asked = self.ask(states).view(rows, length, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = asked[0], asked[1], asked[2]
        weights = torch.softmax((query * (HIDDEN // HEADS) ** -0.5) @ key.transpose(-1, -2) + mask, -1)
        met = (weights.to(value.dtype) @ value).transpose(1, 2).reshape(rows, length, HIDDEN)
        states = self.norm(states + self.attended(met))
        return self.last_norm(states + self.down(functional.gelu(self.up(states), approximate="tanh")))


class Reader(nn.Module):
    """Scores (n, t) of the tokens of n passages; NOWHERE where a token is not of a passage's text.

    Takes the static model's vectors (n, t, dimension), not normalised and zero where no token of a text stands, and
    what each token is, (n, t).
    """

    def __init__(self, dimension: int = 256, layers: int = LAYERS) -> None:
        super().__init__()
        self.project = nn.Linear(dimension, HIDDEN)
        self.weight = nn.Parameter(torch.zeros(HIDDEN))
        self.met = nn.Linear(dimension + 2, HIDDEN)
        nn.init.zeros_(self.met.weight)
        nn.init.zeros_(self.met.bias)
        self.kinds = nn.Embedding(len(Kind), HIDDEN)
        self.places = nn.Embedding(PLACES, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.head = nn.Linear(HIDDEN, 1)

    def states(self, vectors: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """The last hidden states (n, t, HIDDEN)."""
        length = vectors.square().sum(-1, keepdim=True).sqrt()
        unit = vectors / (length + 1e-6)
        told = self.project(unit) + self.weight * torch.log(length + 0.1)
        places = self.places.weight[: kinds.shape[1]]
        states = self.norm(told + self.meetings(unit, length, kinds) + self.kinds(kinds) + places)
        mask = torch.where(kinds == PADDING, NOWHERE, 0.0)[:, None, None, :].to(states.dtype)
        for layer in self.layers:
            states = layer(states, mask)
        return states

    def meetings(self, unit: torch.Tensor, length: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """What each token of the passage meets in the question, and the other way round, (n, t, HIDDEN).

        The vector of what is near to it, its cosine with the nearest, and what that counts (the aligned question
        embedding of Chen et al. 2017).
        """
        asked, told = kinds == QUESTION, kinds >= TITLE
        across = (asked[:, :, None] & told[:, None, :]) | (told[:, :, None] & asked[:, None, :])
        cosines = torch.where(across, (unit @ unit.transpose(1, 2)).float(), NOWHERE)
        shares = torch.softmax(SHARPNESS * cosines, -1) * across
        nearest = torch.where(across, cosines, 0.0).amax(-1, keepdim=True)
        met = torch.cat([shares @ unit.float(), nearest, shares @ length.float()], -1)
        return self.met(met) * across.any(-1, keepdim=True)

    def forward(self, vectors: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """The scores."""
        scores = self.head(self.states(vectors, kinds))[..., 0]
        return torch.where(kinds == TEXT, scores, NOWHERE)
