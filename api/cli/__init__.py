"""The command line: the same verbs as the library. `main` is the command `backissue`."""

import os

# Read once, when NumPy is loaded. Queries multiply small matrices, for which threads wait longer than they work: on two
# busy cores the middle search took 117 ms with one and 336 ms with two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from backissue.api.cli.run import main

__all__ = ["main"]
