"""Terminals, users and file names that are not those of a developer's machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.program import PROGRAM
from bearing_stream.recordings.names import as_text
from producer_sim import SimulatorSettings, open_streams

pytestmark = pytest.mark.slow

TERMINALS = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "utf-8"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]

NAMELESS = """
import os, pwd, sys
def no_such_user(_):
    raise KeyError("uid not found")
pwd.getpwuid = no_such_user
from bearing_stream.cli import main
main(sys.argv[1:])
"""
"""Runs a command as a user id that the system has no name for, as in a container."""


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two recordings: one's name is not UTF-8, the other's is not ASCII."""
    samples = np.random.default_rng(0).normal(size=3 * 2048)
    for name in (b"caf\xe9.npy", "\u00fcber\u2026.npy".encode()):
        np.save(tmp_path / os.fsdecode(name), samples)
    return tmp_path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("terminal", TERMINALS)
def test_diagnose_prints_any_file_name_on_any_terminal(
    folder: Path, terminal: dict[str, str]
) -> None:
    names = [*files(folder), "gone\udce9.npy"]
    lines = run("diagnose", "--rate", "12000", *names, cwd=folder, **terminal)
    assert lines.returncode == 1
    assert b"Traceback" not in lines.stderr
    assert b"gone\\xe9.npy: no such file" in lines.stderr
    assert len(lines.stdout.splitlines()) == 6
    assert b"caf\\xe9.npy" in lines.stdout


def test_json_has_any_file_name_on_any_terminal(folder: Path) -> None:
    options = ("diagnose", "--json", "--rate", "12000")
    objects = run(*options, *files(folder), cwd=folder, **TERMINALS[-1])
    assert objects.returncode == 0, objects.stderr
    shown = {json.loads(line.decode())["file"] for line in objects.stdout.splitlines()}
    assert shown == {"caf\\xe9.npy", "\u00fcber\u2026.npy"}


def test_simulate_sends_recordings_with_any_file_name(folder: Path) -> None:
    settings = SimulatorSettings(rate=(12000,))
    names = [folder / name for name in files(folder)]
    streams = open_streams(settings, names, lambda _: None)
    assert {stream.sensor for stream in streams} == {"caf\\xe9", "\u00fcber\u2026"}
    for stream in streams:
        stream.source.encode("ascii")
        stream.window_id(0).encode()


def test_a_name_that_is_utf8_stays_as_it_is() -> None:
    assert as_text("p\u00fcmp.csv") == "p\u00fcmp.csv"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["recordings", "list"], "name a folder with --data, or set HOME"),
        (["recordings", "fetch", "105"], "name a folder with --data, or set HOME"),
        (["broker", "--port", str(free_ports(1)[0])], "set HOME or XDG_CACHE_HOME"),
        (["simulate", "--startup-timeout=0", "--sensors=2"], "no Kafka broker responds"),
        (["diagnose", "gone.npy"], "gone.npy: no such file"),
    ],
)
def test_a_user_without_a_name_or_a_home_gets_one_line(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    environment = {"BEARING_STREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    ran: Any = subprocess.run(
        [sys.executable, "-P", "-c", NAMELESS, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert expected in ran.stderr
    assert ran.stderr.count("\n") == 1
