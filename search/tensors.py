"""Arrays of a safetensors file, mapped into memory: shared by processes, and read only where they are touched."""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8",
    "I8": "i1", "I32": "<i4", "I64": "<i8",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
}  # fmt: skip
_LENGTH = struct.Struct("<Q")


def open_tensors(path: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays in a file by their names. Format: https://github.com/huggingface/safetensors#format

    Raises:
        ValueError: it is no such file, is cut, or holds an array of a type that is not read here.
        OSError: it cannot be read.
    """
    return open_described(path)[0]


def open_described(path: Path) -> tuple[Mapping[str, NDArray[Any]], Mapping[str, str]]:
    """As `open_tensors`, and the metadata that stand beside them."""
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        (length,) = _LENGTH.unpack_from(content)
        header: dict[str, dict[str, Any]] = json.loads(content[_LENGTH.size : _LENGTH.size + length])
        metadata = header.pop("__metadata__", {})
        begin = _LENGTH.size + length
        return {name: _array(content, begin, **tensor) for name, tensor in header.items()}, metadata
    except (struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no safetensors file ({error!r})") from error


def _array(content: mmap.mmap, begin: int, dtype: str, shape: list[int], data_offsets: tuple[int, int]) -> NDArray[Any]:
    kind = np.dtype(_TYPES[dtype])
    start, end = data_offsets
    count = int(np.prod(shape, dtype=np.int64))
    if start < 0 or end - start != count * kind.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype} in {end - start} bytes")
    return np.frombuffer(content, dtype=kind, count=count, offset=begin + start).reshape(shape)
