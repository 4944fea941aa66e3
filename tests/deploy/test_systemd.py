"""The systemd unit starts a command that exists, stops it in time, and confines it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from bearing_stream.cli import main
from consumer.liveness.shutdown import SHUTDOWN_LIMIT
from tests.paths import ROOT

UNIT = ROOT / "deploy" / "systemd" / "bearing-stream.service"

EXPOSURE = 20
"""The most exposure that `systemd-analyze security` may find, in tenths; 0 is none, and 100 all."""


def section(name: str) -> dict[str, list[str]]:
    """Return key → its values."""
    found: dict[str, list[str]] = {}
    text = UNIT.read_text(encoding="utf-8")
    for line in text.split(f"[{name}]\n")[1].split("\n[")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


SERVICE = section("Service")


def test_the_command_and_its_options_exist() -> None:
    [line] = SERVICE["ExecStart"]
    program, name, *arguments = shlex.split(line)
    assert program.endswith("/bearing-stream")
    command = main.get_command(click.Context(main), name)
    assert command is not None
    command.make_context(name, arguments)  # raises on an option that is none


def test_it_is_restarted_and_has_time_to_stop_by_one_signal() -> None:
    assert SERVICE["Restart"] == ["on-failure"]
    assert float(SERVICE["TimeoutStopSec"][0]) > SHUTDOWN_LIMIT
    # Workers get theirs from the first process; a second signal ends a worker at once.
    assert SERVICE["KillMode"] == ["mixed"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text(encoding="utf-8")


def test_the_settings_file_is_the_credential() -> None:
    [credential] = SERVICE["LoadCredential"]
    [variable] = SERVICE["Environment"]
    assert variable == f"BEARING_STREAM_CONFIG=%d/{credential.partition(':')[0]}"


@pytest.fixture
def unit(tmp_path: Path) -> str:
    """The unit with a program that exists here; skips the test without systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    text = UNIT.read_text(encoding="utf-8")
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?<=ExecStart=)\S+", "/bin/true", text), encoding="utf-8")
    return str(copy)


def test_systemd_verifies_it(unit: str) -> None:
    ran = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_little_is_exposed(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", unit]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
