"""A chart of how each cost grows with the archive, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.timing import power

GROWING = {
    "ms of processors a passage, derived indexes": "building, ms of processors a passage",
    "bytes a passage beside the text, synthetic": "disk, bytes a passage",
    "hybrid, p50 ms": "a question, ms",
    "resident after 1,000 questions, MB": "memory, MB",
}
"""The targets whose growth is shown, and what they are called there."""


def save(growth: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draws each cost as a multiple of its first."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, points in growth.items():
        if len(points) > 1:
            xs, ys = [x for x, _ in points], [y / points[0][1] for _, y in points]
            axes.loglog(xs, ys, marker="o", label=f"{name}: power {power(points):.2f}")
    axes.set_xlabel("passages")
    axes.set_ylabel("multiple of the first")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
