"""Figures of the detection service for Prometheus."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class ServiceMetrics:
    """Counts of one service, in a registry of its own."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "detect_requests", "Answered requests to /detect", ("status",), registry=self._registry
        )
        self._seconds = Histogram(
            "detect_seconds", "Time of detecting in one image", buckets=BUCKETS_S, registry=self._registry
        )

    def count(self, status: int) -> None:
        """One request was answered with this HTTP status."""
        self._requests.labels(str(status)).inc()

    def observe(self, seconds: float) -> None:
        """Detecting in one image took this long."""
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
