"""`bearing-stream serve` as a process: responses, errors, and its end."""

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bearing_stream.commands.serve.events import EVENTS
from bearing_stream.program import PROGRAM
from tests.bearing_stream.commands.serve.conftest import BINARY, PATH
from tools.bench.processes import listening_port, running

pytestmark = pytest.mark.slow

SECONDS = 60
"""Timeout for the process to start or end; it takes a few seconds, most of them to load torch."""


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start the service as a process; yield the process and its port."""
    with running(*PROGRAM[1:], "serve", "--port", "0", "--device", "cpu", *arguments) as process:
        yield process, listening_port(process)


def test_it_responds_and_sigterm_lets_a_request_in_progress_finish() -> None:
    body = np.random.default_rng(0).normal(size=(2000, 2048)).astype("<f4").tobytes()
    with serving() as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("GET", "/healthz")
        assert json.load(connection.getresponse())["status"] == "ok"
        begin_post(connection, len(body))
        process.send_signal(signal.SIGTERM)
        wait_until_refused(port)
        connection.send(body)
        response = connection.getresponse()
        assert response.status == 200
        assert len(json.load(response)["Analysis"]) == 2000
        assert process.wait(SECONDS) == 0
        connection.close()


def test_its_log_lines_are_events_in_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr:
        arguments = ("serve", "--port", "0", "--device", "cpu")
        process = subprocess.Popen([*PROGRAM, *arguments], stderr=stderr)
        deadline = time.monotonic() + SECONDS
        while "ready" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    ready, *others, stopped = [json.loads(line) for line in log.read_text().splitlines()]
    assert ready["event"] == "ready"
    assert ready["address"].startswith("http://127.0.0.1:")
    assert ready["process"] == process.pid
    assert {"model", "device", "timestamp", "level"} <= ready.keys()
    assert (others, stopped["event"]) == ([], "stopped")


def test_every_event_is_listed_once() -> None:
    names = [event.name for event in EVENTS]
    assert len(set(names)) == len(names)
    assert all(event.meaning and event.action for event in EVENTS)


def begin_post(connection: http.client.HTTPConnection, length: int) -> None:
    """Send the headers of a request; return when the application awaits its body.

    `Expect: 100-continue` makes the server respond at that moment. A signal that arrived before the
    server had read the headers once ended the connection.
    """
    connection.putrequest("POST", PATH)
    for name, value in (BINARY | {"Content-Length": str(length), "Expect": "100-continue"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        chunk = connection.sock.recv(1)
        assert chunk, received
        received += chunk
    assert received.startswith(b"HTTP/1.1 100 ")


def wait_until_refused(port: int) -> None:
    """Return when the server accepts no more connections."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=SECONDS).close()
        except ConnectionError:
            return
        time.sleep(0.05)
    raise AssertionError("the server still accepts connections")


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*PROGRAM, "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
