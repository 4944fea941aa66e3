"""What a stage reports of itself: metrics, health and spans; knows nothing of Kafka or bearings.

- `metric.Metric` describes a metric, `metric.Reading` is its value at one moment;
- `histogram.Histogram` counts values by size (imported from there: it loads NumPy);
- `prometheus` writes readings as Prometheus reads them (extra `metrics`);
- `otlp` pushes readings and spans to a collector of OpenTelemetry (extra `otel`);
- `endpoint.Endpoint` serves it all at a port.
"""

from bearing_stream.observability.endpoint import Address, Endpoint, Response, Routes
from bearing_stream.observability.metric import Distribution, Metric, Reading

__all__ = [
    "Address",
    "Distribution",
    "Endpoint",
    "Metric",
    "Reading",
    "Response",
    "Routes",
]
