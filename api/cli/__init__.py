"""The command line: the same verbs as the library. `main` is the command `backissue`."""

from backissue.api.cli.run import main

__all__ = ["main"]
