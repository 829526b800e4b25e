"""Soft labels: how like each other the English teacher finds the texts of a batch.

Beside the one right answer of a pair all others of its batch are equally wrong, which they are not. The teacher tells
how near each of them is, of texts that are English or say what an English text says, as translations and glosses do,
and the student is taught to find them as near (Hinton et al. 2015). What it makes of each such text is also pulled to
where the teacher puts the English one (Reimers & Gurevych 2020), by a linear map that is learned with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

FEWEST = 64
"""Fewer texts of a batch that the teacher knows say little of each other."""


@dataclass(frozen=True)
class Teacher:
    """The teacher's vectors (e, d), and which of them each pair has on both sides, (pairs, 2), -1 for none.

    `share` is what its labels count beside what is told by the pairs alone, `scale` what its cosines are multiplied by
    to be labels, and `pull` what the distance to its vectors counts.
    """

    vectors: NDArray[np.float16]
    of_pairs: NDArray[np.int32]
    share: float = 0.7
    scale: float = 30.0
    pull: float = 10.0

    def of(self, places: NDArray[np.int32]) -> torch.Tensor:
        """The vectors at places at length one."""
        return functional.normalize(torch.from_numpy(self.vectors[places].astype(np.float32)))


class Teaching:
    """What the teacher adds to the loss of a batch; the linear map from student to teacher is learned meanwhile."""

    def __init__(self, teacher: Teacher, dimension: int, rate: float = 0.003) -> None:
        self._teacher = teacher
        self._map = torch.nn.Parameter(0.05 * torch.randn(teacher.vectors.shape[1], dimension))
        self._optimizer = torch.optim.Adam([self._map], lr=rate)

    def loss(
        self,
        untaught: torch.Tensor,
        scores: torch.Tensor,
        texts: torch.Tensor,
        left: NDArray[np.int64],
        right: NDArray[np.int64],
    ) -> torch.Tensor:
        """The loss of a batch, of what it is without the teacher, the scores (n, m) of the left sides of pairs with the
        right sides of pairs, which are `left` (n,) and `right` (m,), and the vectors (n + m, d) of both.
        """
        teacher = self._teacher
        asked, told = teacher.of_pairs[left, 0], teacher.of_pairs[right, 1]
        apart = divergence(scores, teacher, asked, told)
        loss = untaught if apart is None else (1 - teacher.share) * untaught + 2 * teacher.share * apart
        places = np.concatenate([asked, told])
        known = np.flatnonzero(places >= 0)
        if not len(known):
            return loss
        mapped = texts[torch.from_numpy(known)] @ self._map.T
        return loss + teacher.pull * (1 - functional.cosine_similarity(mapped, teacher.of(places[known])).mean())

    def step(self) -> None:
        """One step of the map, after the gradients were worked out."""
        self._optimizer.step()
        self._optimizer.zero_grad()

    def state(self) -> dict[str, Any]:
        """All that `load` needs to go on."""
        return {"map": self._map.data, "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Takes up what `state` gave."""
        self._map.data.copy_(state["map"])
        self._optimizer.load_state_dict(state["optimizer"])


def divergence(
    scores: torch.Tensor, teacher: Teacher, left: NDArray[np.int32], right: NDArray[np.int32]
) -> torch.Tensor | None:
    """How far the student's shares are from the teacher's, in the mean of both directions: the Kullback-Leibler
    divergence of the softmax of the student's scores (n, m) from that of the teacher's labels. `left` (n,) and `right`
    (m,) are the places of the teacher's vectors, -1 for none; None where it knows too few.
    """
    rows, columns = np.flatnonzero(left >= 0), np.flatnonzero(right >= 0)
    if min(len(rows), len(columns)) < FEWEST:
        return None
    wanted = teacher.scale * teacher.of(left[rows]) @ teacher.of(right[columns]).T
    given = scores[torch.from_numpy(rows)][:, torch.from_numpy(columns)]
    apart = [
        functional.kl_div(
            functional.log_softmax(each, 1), functional.log_softmax(labels, 1), log_target=True, reduction="batchmean"
        )
        for each, labels in ((given, wanted), (given.T, wanted.T))
    ]
    return (apart[0] + apart[1]) / 2
