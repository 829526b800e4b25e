"""The mean of static models of one tokeniser, each a step on from the same start (model soups, Wortsman et al. 2022).

python training/average.py --out search/model MODEL MODEL ...
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import export
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer


def mean_table(tables: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """The mean (t, d) of tables, each scaled to unit variance first."""
    scaled = [table.astype(np.float32) / np.sqrt((table.astype(np.float32) ** 2).mean()) for table in tables]
    return np.asarray(sum(scaled) / np.float32(len(scaled)), np.float32)


def main() -> None:
    """Averages and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("models", type=Path, nargs="+")
    options = parser.parse_args()
    tokenizers = {(folder / "tokenizer.json").read_bytes() for folder in options.models}
    if len(tokenizers) > 1:
        raise SystemExit("these models have different tokenisers: rows of their tables are not of the same tokens")
    tables = [export.load(folder) for folder in options.models]
    export.save(options.out, Tokenizer.from_buffer(tokenizers.pop()), mean_table(tables))


if __name__ == "__main__":
    main()
