"""Supervises Python programs as `consume --workers` does its consumers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bearing_stream.logs import Event
from consumer.events import WORKER_ENDED

SUPERVISE = """
import json, sys
from bearing_stream.logs import configure_logs
from consumer import events, worker, workers

for name, seconds in json.loads(sys.argv[2]).items():
    setattr(workers if hasattr(workers, name) else worker, name, seconds)
configure_logs("json", "info", events.LIBRARY_MESSAGE)
sys.exit(workers.Supervisor(dict(enumerate(json.loads(sys.argv[1]), 1))).run())
"""

WAITS = "import os, time; os.write(1, b'up\\n'); time.sleep(600)"

STOPS = """
import os, signal, sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
os.write(1, b"up\\n")
while True:
    signal.pause()
"""

REPORTS = """
import os, signal, sys
from consumer.telemetry.health import Health, Phase
from consumer.telemetry.service_manager import reporting

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with reporting(Health(Phase.RUNNING)):
    os.write(1, b"up\\n")
    while True:
        signal.pause()
"""

FAILS = "import sys; sys.exit(3)"


@contextmanager
def supervised(*programs: str, **limits: float) -> Iterator[subprocess.Popen[str]]:
    """A supervisor of Python programs, in a process of its own.

    Args:
        programs: One for each worker; a path is that of a program to run in place of Python.
        limits: Constants of `workers` and `worker` to change, in seconds.
    """
    commands = [
        [program] if program.startswith("/") else [sys.executable, "-c", program]
        for program in programs
    ]
    limits = {"FIRST_DELAY": 0.01} | limits
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, json.dumps(commands), json.dumps(limits)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        for child in children(process):
            child.kill()
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def await_lines(process: subprocess.Popen[str], count: int) -> None:
    """Wait until the workers have printed so many lines."""
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline() == "up\n"


def logged(errors: str, event: Event) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in errors.splitlines()]
    return [line for line in lines if line["event"] == event.name]


def ends(errors: str) -> list[dict[str, object]]:
    return logged(errors, WORKER_ENDED)
