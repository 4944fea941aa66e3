"""Where a service serves its metrics and its health, as settings."""

from pydantic import Field

from bearing_stream.config import Settings


class EndpointSettings(Settings):
    """Settings of a service that reports of itself over HTTP."""

    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port for metrics (`/metrics`) and health (`/livez`, `/readyz`) over HTTP; 0 chooses a free
    port, which is logged. By default there is none. Needs the extra `metrics`."""

    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on for `metrics_port`; `0.0.0.0` is every network interface of this
    machine, for a Prometheus elsewhere and for the probes of Kubernetes. There is neither TLS nor a
    password: anyone who reaches the port can read the metrics."""
