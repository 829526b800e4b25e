"""Makes search/data/langid.safetensors of py3langid's model: the news languages alone, its automaton as a list.

pip install py3langid==0.4.0
python training/langid.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_DIR, MODEL_FILE
from py3langid.modelio import load_model
from safetensors.numpy import save_file

from backissue.search.langid import LENGTH_AT
from backissue.search.language import NEWS_LANGS

OUT = Path(__file__).parent.parent / "search" / "data" / "langid.safetensors"


def sequences(moves: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sequences of bytes that an automaton with the moves (states, 256) knows, as `langid` numbers them and in
    ascending order, and the state that each leads to.

    A state's own children are the moves by which it differs from what it falls back to: seen from the root outwards,
    those that lead to a state for the first time.
    """
    states, known = [0], [0]
    seen = {0}
    for place, state in enumerate(states):  # grows while it is walked
        for byte, target in enumerate(moves[state].tolist()):
            if target not in seen:
                seen.add(target)
                states.append(target)
                known.append(longer(known[place], byte))
    return np.array(known[1:], dtype=np.int64), np.array(states[1:])


def longer(sequence: int, byte: int) -> int:
    """The number of a sequence with a byte more."""
    length = sequence >> LENGTH_AT
    return (length + 1) << LENGTH_AT | (sequence - (length << LENGTH_AT)) << 8 | byte


def main() -> None:
    """Converts."""
    scores, prior, classes, moves, rows, features = load_model(MODEL_DIR / MODEL_FILE)
    of_states = np.asarray(moves).reshape(-1, 256)[np.asarray(rows)].astype(np.int64)
    known, states = sequences(of_states)
    kept = [number for number, code in enumerate(classes) if code in NEWS_LANGS]
    save_file(
        {
            "sequences": np.append(known, np.iinfo(np.int64).max),
            "features": np.array(features, dtype=np.int32)[states],
            "scores": np.ascontiguousarray(scores[:, kept]),
            "prior": prior[kept],
            "classes": np.array([list(classes[number].encode("ascii")) for number in kept], dtype=np.uint8),
        },
        OUT,
    )


if __name__ == "__main__":
    main()
