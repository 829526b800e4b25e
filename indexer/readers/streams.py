"""Bytes out of files, compressed or not, with bounded memory.

Reading raises `UnreadableError` where a compressed file is cut ("truncated"), damaged ("malformed"), or swells like a
decompression bomb ("too_large"), and where the disk fails ("missing").
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from backissue.indexer.readers.problem import Problem, UnreadableError

MAX_ARTICLE_BYTES = 50_000_000
"""The largest article, and the largest file that must be read whole, such as a page of HTML."""

BUFFER_BYTES = 1 << 16
"""What `peek` shows of a file."""

_BOMB_BYTES = 200_000_000
_BOMB_RATIO = 200  # news text shrinks 3 to 10 times, and a bomb of zeros a thousand times

_DAMAGE = (gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class File:
    """A file or a member of one: `path` as it is shown, and `name` without the suffix of its compression.

    A member of a tar can be opened only until the next one is asked for.
    """

    path: str
    name: str
    opener: Callable[[], Stream]

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader[Any]]:
        """The decompressed bytes."""
        with translated(), io.BufferedReader(self.opener(), BUFFER_BYTES) as stream:
            yield stream


class Stream(io.RawIOBase):
    """Decompressed bytes that raise `UnreadableError` when they end too early or swell beyond belief."""

    def __init__(
        self, raw: IO[bytes], compressed_bytes: Callable[[], int], underlying: IO[bytes] | None = None
    ) -> None:
        super().__init__()
        self._raw = raw
        self._compressed_bytes = compressed_bytes
        self._underlying = underlying
        self._position_bytes = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, as any raw stream does."""
        with translated():
            data = self._raw.read(len(buffer))
            self._position_bytes += len(data)
            if self._position_bytes > _BOMB_BYTES and self._position_bytes > _BOMB_RATIO * self._compressed_bytes():
                raise UnreadableError(
                    "too_large", f"swells to over {_BOMB_RATIO} times its size: decompress it yourself if that is right"
                )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file beneath, too."""
        if not self.closed:
            self._raw.close()
            if self._underlying is not None:
                self._underlying.close()
        super().close()


@contextmanager
def translated() -> Iterator[None]:
    """The one border where the exceptions of decompressors become `UnreadableError`."""
    try:
        yield
    except EOFError as error:
        raise UnreadableError("truncated", "the compressed file ends too early; get it again") from error
    except _DAMAGE as error:
        cut = "truncated" in str(error) or "unexpected end" in str(error)
        raise UnreadableError("truncated" if cut else "malformed", f"damaged: {error}; get it again") from error
    except OSError as error:
        if "Invalid data stream" in str(error):  # how bz2 reports damage
            raise UnreadableError("malformed", "damaged: no bzip2 data; get it again") from error
        raise UnreadableError("missing", f"cannot be read: {error.strerror or error}") from error


def files_in(path: Path) -> Iterator[File | Problem]:
    """The file at `path` decompressed, or the members of the .zip or .tar that it is."""
    shown = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    stem, suffix = path.stem, path.suffix.casefold()
    suffix, stem = {".tgz": (".gz", f"{stem}.tar"), ".txz": (".xz", f"{stem}.tar")}.get(suffix, (suffix, stem))
    try:
        if suffix == ".zip":
            yield from _or_none(_zip_members(path, shown), shown)
            return
        decompress = _DECOMPRESSORS.get(suffix)
        file = File(shown, stem if decompress else path.name, lambda: _opened(path, decompress))
        if file.name.casefold().endswith(".tar"):
            yield from _or_none(_tar_members(file), shown)
        else:
            yield file
    except UnreadableError as error:
        yield Problem(shown, error.where, error.kind, error.reason)


def _or_none(members: Iterator[File | Problem], shown: str) -> Iterator[File | Problem]:
    """The members of an archive, or the problem that it has none."""
    first = next(members, None)
    if first is None:
        yield Problem(shown, "", "empty", "no file in it")
        return
    yield first
    yield from members


def _opened(path: Path, decompress: Callable[[IO[bytes]], IO[bytes]] | None) -> Stream:
    underlying = path.open("rb")
    return Stream(decompress(underlying) if decompress else underlying, underlying.tell, underlying)


def _zstd(underlying: IO[bytes]) -> IO[bytes]:
    for module in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            return cast("IO[bytes]", importlib.import_module(module).open(underlying, "rb"))
        except ImportError:
            continue
    underlying.close()
    raise UnreadableError("unsupported", "Zstandard is not installed: pip install backports.zstd, or decompress it")


def _xz(underlying: IO[bytes]) -> IO[bytes]:
    return lzma.LZMAFile(underlying)


def _gzip(underlying: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=underlying))


_DECOMPRESSORS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": _gzip,
    ".bz2": bz2.BZ2File,
    ".xz": _xz,
    ".zst": _zstd,
}


def _zip_members(path: Path, shown: str) -> Iterator[File | Problem]:
    with translated(), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            member = f"{shown}!{info.filename}"
            if info.is_dir() or _is_hidden(info.filename):
                continue
            if _escapes(info.filename):
                yield Problem(member, "", "unsupported", "a name that leads out of the archive")
            elif info.flag_bits & 0x1:
                yield Problem(member, "", "unsupported", "encrypted; unpack it yourself")
            else:
                yield _zip_member(archive, info, member)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: str) -> File:
    return File(member, info.filename, lambda: Stream(archive.open(info), lambda: info.compress_size))


def _tar_members(file: File) -> Iterator[File | Problem]:
    with file.open() as stream, tarfile.open(fileobj=stream, mode="r|", errors="backslashreplace") as archive:
        for info in archive:
            # It would remember each, and a tar of nothing but heads may have millions.
            vars(archive)["members"].clear()
            member = f"{file.path}!{info.name}"
            if not info.isfile() or _is_hidden(info.name):
                continue
            if _escapes(info.name):
                yield Problem(member, "", "unsupported", "a name that leads out of the archive")
            elif (content := archive.extractfile(info)) is not None:
                yield _tar_member(content, info, member)


def _tar_member(content: IO[bytes], info: tarfile.TarInfo, member: str) -> File:
    return File(member, info.name, lambda: Stream(content, lambda: info.size))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in PurePosixPath(name).parts)


def _escapes(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts
