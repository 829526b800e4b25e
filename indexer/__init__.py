"""Build and update indexes: read, clean, chunk, store, embed and publish.

>>> from backissue.indexer import Indexer, read
>>> summary = Indexer("index").rebuild(read(["seeds/articles"]))
"""

from backissue.indexer.backup import Backup
from backissue.indexer.indexer import Indexer
from backissue.indexer.readers import Problem, read
from backissue.indexer.summary import Finding, Progress, Summary

__all__ = ["Backup", "Finding", "Indexer", "Problem", "Progress", "Summary", "read"]
