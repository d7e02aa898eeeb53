"""What `GET /metrics` shows, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)


class Metrics:
    """The server's own registry: two servers in one process do not share counts."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("nerctl_requests", "Requests answered.", ["path", "code"], registry=registry)
        self.texts = Counter("nerctl_texts", "Texts that went through the model.", registry=registry)
        self.queued = Gauge("nerctl_queue_texts", "Texts that wait.", registry=registry)
        self.batch_size = Histogram(
            "nerctl_batch_texts",
            "Texts of a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self.latency = Histogram(
            "nerctl_request_seconds",
            "From the end of a request's header to its answer, for POST /v1/entities.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self.restarts = Counter("nerctl_worker_deaths", "Workers that died.", registry=registry)
        self.ready_workers = Gauge(
            "nerctl_ready_workers", "Workers that have loaded the model.", registry=registry
        )

    def render(self) -> tuple[bytes, str]:
        """The text of all metrics and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
