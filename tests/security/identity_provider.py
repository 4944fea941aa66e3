"""An OpenID Connect token endpoint for one client."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

SECRET: Final = "secret of the client"

LIFETIME: Final = 3600
"""Seconds for which a token is valid."""


class _Endpoint(BaseHTTPRequestHandler):
    """Issues a token for any client id that comes with the right secret."""

    def do_POST(self) -> None:
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
        if (scheme, secret) == ("Basic", SECRET):
            self._respond(200, {"access_token": _token(client), "expires_in": LIFETIME})
        else:
            self._respond(401, {"error": "invalid_client"})

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _respond(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _token(client: str) -> str:
    """An unsigned token, which Kafka's validator for development accepts."""
    now = int(time.time())
    claims = {"sub": client, "iat": now, "exp": now + LIFETIME}
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@contextmanager
def token_endpoint() -> Iterator[str]:
    """Serve tokens until the `with` block ends; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
