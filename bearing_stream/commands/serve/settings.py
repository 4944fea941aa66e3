"""The settings of `bearing-stream serve`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from model.settings import AssessmentSettings


class ApiSettings(AssessmentSettings):
    """The address, the limits and the batches of the HTTP service."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on; `0.0.0.0` is every network interface of this machine. The service has
    neither TLS nor authentication: to serve other machines, use a reverse proxy with both."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 chooses a free port, which is logged."""

    max_body: int = Field(default=32 * 2**20, ge=2**14)
    """Maximum bytes of a request body: a record takes about 45,000 as JSON and 8,192 as float32.
    Larger bodies are refused (413). Decoding takes up to 45 times as much memory in the worst case;
    one body is decoded at a time."""

    max_in_flight: int = Field(default=256 * 2**20, ge=2**14)
    """Maximum bytes of the bodies of all requests in progress, which bounds the memory. Further
    requests are refused and may be retried (503)."""

    body_timeout: float = Field(default=30.0, gt=0)
    """Seconds that a client may take to send a body; after that, the request is refused (408)."""

    cors_origins: str = ""
    """Origins whose pages may send requests from a browser, `https://panel.example,…`; `*` is any.
    By default none may."""

    threads: int = Field(default=2, ge=1, le=256)
    """CPU threads that share the windows of a batch, with at least 32 windows each."""

    batch_size: int = Field(default=256, ge=1, le=65536)
    """Maximum windows of several requests in one forward pass. A request is never split."""

    uncertain_as_unknown: bool = False
    """Predict `Unknown` instead of the most probable label if the diagnosis is uncertain. Clients
    of the published interface do not expect this value."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`json` is one object in each line; `auto` is `console` on a terminal, and `json` else."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level to log."""

    @property
    def allowed_origins(self) -> list[str]:
        """The origins of `cors_origins`."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    @model_validator(mode="after")
    def _largest_body_fits(self) -> Self:
        if self.max_body > self.max_in_flight:
            raise ValueError(
                f"max_in_flight ({self.max_in_flight} bytes) must be at least max_body "
                f"({self.max_body} bytes): the largest body would never be accepted"
            )
        return self
