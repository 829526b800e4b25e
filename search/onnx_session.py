"""Models in ONNX, run by onnxruntime: one text at a time by a thread, several threads side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backissue.search.errors import InvalidArgumentError, MissingExtraError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Given = TypeVar("Given")
Made = TypeVar("Made")


def open_session(path: Path) -> InferenceSession:
    """The model in a file.

    Raises MissingExtraError without onnxruntime, InvalidArgumentError where the file cannot be read.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(f"{path} needs onnxruntime: pip install 'backissue[deep]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises nothing narrower
        raise InvalidArgumentError(f"{path} cannot be read as an ONNX model: {error}") from error


def in_threads(
    work: Callable[[Given], Made], items: Sequence[Given], size: Callable[[Given], int] = lambda one: 0
) -> list[Made]:
    """`work` of each item, on all processors. The threads end with the call, so that a fork finds none.

    Items of the largest `size` go first, so that none is left over when the others are done.
    """
    if len(items) <= 1:
        return [work(item) for item in items]
    order = sorted(range(len(items)), key=lambda i: -size(items[i]))
    with ThreadPoolExecutor(min(processors(), len(items))) as threads:
        made = dict(zip(order, threads.map(lambda i: work(items[i]), order), strict=True))
    return [made[i] for i in range(len(items))]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
