"""The container is unhealthy if its endpoint is not live, and only then."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bearing_stream.commands.serve.settings import ApiSettings
from tests.paths import ROOT

PROGRAM = ROOT / "deploy" / "healthcheck.py"


@contextmanager
def endpoint(status: int) -> Iterator[int]:
    """Respond to `/livez` with a status; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that nothing listens on, and nothing else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def check(**environment: str) -> int:
    others = {name: value for name, value in os.environ.items() if "BEARING_STREAM" not in name}
    ran = subprocess.run([sys.executable, str(PROGRAM)], env=others | environment, timeout=30)
    return ran.returncode


@pytest.mark.parametrize("variable", ["BEARING_STREAM_METRICS_PORT", "BEARING_STREAM_PORT"])
@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (404, 1)])
def test_the_endpoint_decides(variable: str, status: int, expected: int) -> None:
    with endpoint(status) as port, closed_port() as unused:
        ports = {"BEARING_STREAM_PORT": str(unused)} | {variable: str(port)}
        assert check(**ports) == expected


def test_a_command_without_an_endpoint_is_healthy() -> None:
    with closed_port() as port:
        assert check(BEARING_STREAM_PORT=str(port)) == 0


def test_a_connection_that_is_cut_is_unhealthy() -> None:
    def cut() -> None:
        connection, _ = listener.accept()
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=cut, daemon=True).start()
        assert check(BEARING_STREAM_PORT=str(listener.getsockname()[1])) == 1


def test_the_default_port_of_serve_is_checked() -> None:
    assert f'"{ApiSettings.model_fields["port"].default}"' in PROGRAM.read_text(encoding="utf-8")
