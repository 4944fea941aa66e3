"""Every setting of the HTTP service."""

from typing import Literal, Self

from pydantic import Field, model_validator

from model.settings import AssessmentSettings


class ApiSettings(AssessmentSettings):
    """Settings of `bearing-stream serve`."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on: `0.0.0.0` is every network that this machine is in. There is neither
    TLS nor a login: beyond this machine, put a proxy before it that has both."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and says which."""

    max_body: int = Field(default=32 * 2**20, ge=2**14)
    """Most bytes of a request's body: as JSON a record takes about 45,000, as float32 8,192. A
    larger one is refused (413). Reading the least favourable one takes up to 45 times as much
    memory; one is read at a time."""

    max_in_flight: int = Field(default=256 * 2**20, ge=2**14)
    """Most bytes of the bodies of all requests that are in the works at once. What comes beyond
    that is told to come again (503), so that memory stays bounded."""

    body_timeout: float = Field(default=30.0, gt=0)
    """Seconds that a client may take to send a body, before it is given up (408)."""

    threads: int = Field(default=2, ge=1, le=256)
    """CPU threads that the windows of a batch are spread over, 32 or more to each."""

    batch_size: int = Field(default=256, ge=1, le=65536)
    """Most windows of several requests in one forward pass. A single request is never split."""

    uncertain_as_unknown: bool = False
    """Predict `Unknown` where there is a reason to doubt the diagnosis, instead of the likeliest
    label. Clients of the interface as it was published do not expect it."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @model_validator(mode="after")
    def _one_body_fits(self) -> Self:
        if self.max_body > self.max_in_flight:
            raise ValueError(
                f"max_in_flight ({self.max_in_flight} bytes) must be at least max_body "
                f"({self.max_body} bytes): the largest body would never be taken"
            )
        return self
