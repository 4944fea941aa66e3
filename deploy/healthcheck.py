"""The container's health check: status 1 if the endpoint of its command is not live.

The ports are those of `BEARING_STREAM_METRICS_PORT` and `BEARING_STREAM_PORT`, and where the latter
is not set the defaults of `serve` and `page`. A command that listens on none of them is healthy as
long as its process runs, which the container engine observes itself.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus

TIMEOUT = 4.0
"""Seconds for a response."""

DEFAULT_PORTS = ("8000", "8080")
"""Of `serve` and `page`."""


def ports(environment: Mapping[str, str]) -> list[int]:
    """Return the ports that may have an endpoint."""
    metrics, own = (environment.get(f"BEARING_STREAM_{name}PORT") for name in ("METRICS_", ""))
    named = [metrics, *([own] if own else DEFAULT_PORTS)]
    return [int(port) for port in named if port]


def is_live(port: int) -> bool:
    """Whether the endpoint responds with 200 to `/livez`, or there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not all(map(is_live, ports(os.environ))))
