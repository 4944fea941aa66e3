"""A collector of OpenTelemetry that keeps what is pushed to it."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collector got.

    Args:
        url: Its address, as `OTEL_EXPORTER_OTLP_ENDPOINT`.
        metrics: Pushed, in order.
        traces: Pushed, in order.
        headers: Of the requests.
    """

    url: str
    metrics: "queue.SimpleQueue[ExportMetricsServiceRequest]" = field(
        default_factory=queue.SimpleQueue
    )
    traces: "queue.SimpleQueue[ExportTraceServiceRequest]" = field(
        default_factory=queue.SimpleQueue
    )
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def collector() -> Iterator[Collected]:
    """Run one while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collected.headers.append(dict(self.headers))
            if self.path == "/v1/metrics":
                collected.metrics.put(ExportMetricsServiceRequest.FromString(body))
            elif self.path == "/v1/traces":
                collected.traces.put(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collected = Collected(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
