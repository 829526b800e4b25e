"""Where the parts of an index lie, and the manifest that says what a generation holds.

index/
  archive.db             articles, passages, the newest vectors, a change sequence: the truth
  vectors/000042.npy     the vectors of the passages that a generation was built of, handed over by archive.db
  CURRENT                the name of the published generation
  generations/000042/    derived from archive.db; immutable but for the adds and deletes of lexical/
    manifest.json        what it holds, and the checksums of its immutable files and of itself
    lexical.json         the last change that lexical/ has seen, and the checksums of its files
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from backissue.search.analysis import ANALYSER_VERSION
from backissue.search.errors import FormatVersionError, IndexCorruptError, IndexNotFoundError

ARCHIVE_FORMAT = 3
"""The format of archive.db that this version reads and writes. 1: vectors in half precision, signatures of 32-bit
values. 2: both in 8 bits. 3: texts deflated, in a table of their own; vectors handed over to files."""

EARLIER_ARCHIVE_FORMATS = frozenset({1, 2})
"""The formats that the first writer brings over. What is of one of them may stay where the length of a vector, or of a
signature, says what it is."""

GENERATION_FORMAT = 4
"""The format of generations that this version writes and reads. 1: the first. 2: with a forward index. 3: with 24 bits
a term in it. 4: of words and what they give, with vectors as the archive has them. For another one a rebuild is
enough."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class IndexPaths:
    """The files of the index at `root`."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file that holds the truth."""
        return self.root / "archive.db"

    @property
    def current(self) -> Path:
        """The file that names the published generation."""
        return self.root / "CURRENT"

    @property
    def generations(self) -> Path:
        """The folder of generations."""
        return self.root / "generations"

    @property
    def vectors(self) -> Path:
        """The folder of the vectors that archive.db has handed over to files."""
        return self.root / "vectors"

    @property
    def lock(self) -> Path:
        """The file that the one writer locks."""
        return self.root / "writer.lock"

    def generation(self, name: str) -> Path:
        """The folder of the generation `name`."""
        return self.generations / name

    def current_name(self) -> str:
        """The name of the published generation.

        Raises:
            IndexNotFoundError: nothing was published at `root`.
            IndexCorruptError: CURRENT does not name a generation.
        """
        try:
            name = self.current.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise IndexNotFoundError(
                f"There is no index at {self.root}. Build one: backissue rebuild PATH… --index {self.root}"
            ) from None
        except (OSError, ValueError) as error:
            raise IndexCorruptError(
                f"{self.current} cannot be read ({error}). Mend it: backissue doctor --repair"
            ) from error
        if not name.isdigit():
            raise IndexCorruptError(f"{self.current} does not name a generation. Mend it: backissue doctor --repair")
        return name


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds and what it was made with.

    `last_row` and `seq` are the highest passage row and change number of archive.db that the base covers:
    later rows are the tail. `tokens_hash` is that of the model whose token ids the forward index holds. `dense`
    records the kind of the vector index, its probe depth and the recall@100 that was measured for it. `files` maps
    each immutable file to its bytes and SHA-256.
    """

    format_version: int
    generation: str
    created: str
    layout: int
    model_id: str
    model_hash: str
    dimension: int
    tokens_hash: str
    analyser_version: int
    passages: int
    last_row: int
    seq: int
    dense: dict[str, Any]
    files: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest in `folder`, its version checked.

        Raises:
            FormatVersionError: it was written in a format, or with an analysis of words, of another version.
            IndexCorruptError: it is missing, is not a manifest or has changed.
        """
        path = folder / "manifest.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            version = record["format_version"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise IndexCorruptError(
                f"{path} is missing or is no manifest ({error}). Mend it: backissue doctor --repair"
            ) from error
        if version != GENERATION_FORMAT:
            raise FormatVersionError(
                f"{path} has format {version}; this version reads format {GENERATION_FORMAT}. "
                "Run: backissue rebuild (the articles are kept)"
            )
        analysis = record.get("analyser_version", ANALYSER_VERSION)
        if analysis != ANALYSER_VERSION:
            raise FormatVersionError(
                f"{path} was built with version {analysis} of the analysis of words, and this is {ANALYSER_VERSION}: "
                "words would be missed. Run: backissue rebuild (the articles are kept)"
            )
        try:
            return cls(**_unsealed(record))
        except (TypeError, ValueError) as error:
            raise IndexCorruptError(f"{path} is damaged ({error}). Mend it: backissue doctor --repair") from error

    def write(self, folder: Path) -> None:
        """Writes the manifest into `folder`."""
        text = json.dumps(_sealed(asdict(self)), indent=1, ensure_ascii=False)
        (folder / "manifest.json").write_text(text, encoding="utf-8")

    def check_sizes(self, folder: Path) -> None:
        """Compares the size of every file with the manifest: cheap enough for every opening.

        Raises:
            IndexCorruptError: a file is missing or has another size.
        """
        check_sizes(folder, self.files)

    def check_contents(self, folder: Path) -> None:
        """Compares every file with its checksum.

        Raises:
            IndexCorruptError: a file is missing or has changed.
        """
        check_contents(folder, self.files)


@dataclass(frozen=True, slots=True)
class LexicalState:
    """The last change that the lexical index of a generation has seen, and its files as they were then."""

    seq: int
    files: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> LexicalState:
        """The state in the folder of a generation.

        Raises:
            IndexCorruptError: it is missing, unreadable or has changed.
        """
        path = folder / "lexical.json"
        try:
            return cls(**_unsealed(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise IndexCorruptError(
                f"{path} is missing or unreadable ({error}). Mend it: backissue doctor --repair"
            ) from error

    def write(self, folder: Path) -> None:
        """Writes the state in place of the one in `folder`; a reader sees the one or the other."""
        fresh = folder / "lexical.json.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(_sealed(asdict(self)), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / "lexical.json")


def describe(path: Path) -> dict[str, Any]:
    """The size and checksum of a file, as manifests hold them."""
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


def check_sizes(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Compares the sizes of files in `folder` with their descriptions.

    Raises:
        IndexCorruptError: a file is missing or has another size.
    """
    for name, expected in files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != expected["bytes"]:
            found = "missing" if size is None else f"{size} bytes long, not {expected['bytes']}"
            raise IndexCorruptError(f"{path} is {found}. Mend it: backissue doctor --repair")


def check_contents(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Compares files in `folder` with their descriptions.

    Raises:
        IndexCorruptError: a file is missing or has changed.
    """
    check_sizes(folder, files)
    for name, expected in files.items():
        if file_sha256(folder / name) != expected["sha256"]:
            raise IndexCorruptError(
                f"{folder / name} has changed since it was written. Mend it: backissue doctor --repair"
            )


def _sealed(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its own checksum."""
    return record | {"checksum": sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()}


def _unsealed(record: dict[str, Any]) -> dict[str, Any]:
    """What `_sealed` was given.

    Raises:
        ValueError: its checksum is another.
    """
    content = {name: value for name, value in record.items() if name != "checksum"}
    if _sealed(content) != record:
        raise ValueError("it has changed since it was written")
    return content


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
