"""What Prometheus reads at /metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where the worker processes of one server keep their counts together, when there are several."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """The counts of one app, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "backissue_http_requests",
            "Requests by route and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "backissue_http_request_seconds",
            "Time to answer a request.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._search_seconds = Histogram(
            "backissue_search_seconds",
            "Time in the search engine, waiting not included.",
            ("mode", "rerank"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._unanswered = Counter(
            "backissue_searches_without_good_answer", "Searches that nothing answered well.", registry=self._registry
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request; `route` is the route's template, so that labels stay few."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def search(self, mode: str, rerank: str, seconds: float, no_good_answer: bool) -> None:
        """Counts a search that was answered."""
        self._search_seconds.labels(mode, rerank).observe(seconds)
        if no_good_answer:
            self._unanswered.inc()

    def text(self, stats: Mapping[str, Any] | None, searches_inside: int) -> bytes:
        """The exposition format; of the index only where `stats` are known."""
        registry = self._registry
        if SHARED_FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        gauges = CollectorRegistry()
        gauges.register(_Gauges(stats, searches_inside))
        return generate_latest(registry) + generate_latest(gauges)


class _Gauges(Collector):
    """What is read at the moment of asking rather than counted."""

    def __init__(self, stats: Mapping[str, Any] | None, searches_inside: int) -> None:
        self._stats = stats
        self._searches_inside = searches_inside

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "backissue_searches_inside", "Searches that run or wait in this process.", self._searches_inside
        )
        yield GaugeMetricFamily("backissue_index_up", "Whether there is an index.", int(self._stats is not None))
        if self._stats is None:
            return
        yield GaugeMetricFamily("backissue_index_articles", "Articles in the index.", self._stats["articles"])
        yield GaugeMetricFamily("backissue_index_passages", "Passages in the index.", self._stats["passages"])
        size = GaugeMetricFamily("backissue_index_bytes", "Size of the parts of the index on disk.", labels=["part"])
        for part, count in self._stats["bytes"].items():
            size.add_metric([part], count)
        yield size
