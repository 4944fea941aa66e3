"""`bearing-stream serve` as a process: it answers, says what is wrong, and ends in order."""

import http.client
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bearing_stream.program import PROGRAM
from tests.bearing_stream.commands.serve.conftest import BINARY, PATH

SECONDS = 60
"""For the process to start or end; it takes a few, most of them for torch."""


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its port, once it listens."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--device", "cpu", *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield process, int(found[1])
                break
        else:
            raise AssertionError("it ended without listening")
    finally:
        process.kill()
        process.communicate()


def test_it_answers_and_sigterm_finishes_what_is_in_the_works() -> None:
    windows = np.random.default_rng(0).normal(size=(2000, 2048)).astype("<f4")
    with serving() as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("GET", "/healthz")
        assert json.load(connection.getresponse())["status"] == "ok"
        connection.request("POST", PATH, windows.tobytes(), BINARY)
        process.send_signal(signal.SIGTERM)
        answered = connection.getresponse()
        assert answered.status == 200
        assert len(json.load(answered)["Analysis"]) == len(windows)
        assert process.wait(SECONDS) == 0
        connection.close()


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
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
