"""The systemd units start commands that exist, stop them in time, and confine them."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from bearing_stream.cli import main
from bearing_stream.commands.alarms.notify.service import STOP_LIMIT
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.config import ENVIRONMENT_PREFIX
from consumer.liveness.shutdown import SHUTDOWN_LIMIT
from consumer.telemetry.service_manager import TICK
from tests.paths import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))

each_unit = pytest.mark.parametrize("file", UNITS, ids=lambda file: file.stem)

EXPOSURE = 20
"""The most exposure that `systemd-analyze security` may find, in tenths; 0 is none, and 100 all."""


def section(file: Path, name: str) -> dict[str, list[str]]:
    """Return key → its values."""
    found: dict[str, list[str]] = {}
    text = file.read_text(encoding="utf-8")
    for line in text.split(f"[{name}]\n")[1].split("\n[")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_there_is_a_unit_for_each_service() -> None:
    commands = [section(file, "Service")["ExecStart"][0].split()[1:] for file in UNITS]
    assert [[word for word in words if word.isalpha()] for words in commands] == [
        ["alarms"],
        ["alarms", "notify"],
        ["consume"],
    ]


@each_unit
def test_the_command_and_its_options_exist(file: Path) -> None:
    [line] = section(file, "Service")["ExecStart"]
    program, name, *arguments = shlex.split(line)
    assert program.endswith("/bearing-stream")
    command = main.get_command(click.Context(main), name)
    if isinstance(command, click.Group) and arguments[0] in command.commands:
        command = command.commands[arguments.pop(0)]
    assert command is not None
    command.make_context(name, arguments)  # raises on an option that is none


@each_unit
def test_it_is_restarted_and_has_time_to_stop_by_one_signal(file: Path) -> None:
    service = section(file, "Service")
    assert service["Restart"] == ["on-failure"]
    assert float(service["TimeoutStopSec"][0]) > max(SHUTDOWN_LIMIT, STOP_LIMIT)
    # Workers get theirs from the first process; a second signal ends a worker at once.
    assert service["KillMode"] == ["mixed"]
    assert "StartLimitIntervalSec=0" in file.read_text(encoding="utf-8")


@each_unit
def test_the_files_that_the_settings_name_are_credentials(file: Path) -> None:
    service = section(file, "Service")
    names = [credential.partition(":")[0] for credential in service["LoadCredential"]]
    values = dict(variable.split("=") for variable in service["Environment"])
    assert list(values.values()) == [f"%d/{name}" for name in names]
    assert values.pop("BEARING_STREAM_CONFIG") == "%d/settings.toml"
    for variable in values:
        field = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        assert field in NotifySettings.model_fields


def test_all_are_confined_alike() -> None:
    sandboxes = []
    for file in UNITS:
        text = file.read_text(encoding="utf-8")
        lines = text[text.index("DynamicUser") :].splitlines()
        sandboxes.append([line for line in lines if not line.startswith("#")])
    assert all(each == sandboxes[0] for each in sandboxes)


@pytest.fixture(params=UNITS, ids=lambda file: file.stem)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The unit with a program that exists here; skips the test without systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    text = request.param.read_text(encoding="utf-8")
    copy = tmp_path / request.param.name
    copy.write_text(re.sub(r"(?<=ExecStart=)\S+", "/bin/true", text), encoding="utf-8")
    return str(copy)


def test_systemd_verifies_it(unit: str) -> None:
    ran = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_little_is_exposed(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", unit]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


@each_unit
def test_systemd_learns_that_it_is_ready_and_alive(file: Path) -> None:
    service = section(file, "Service")
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    # More than one report, which goes out every second, may be late.
    assert float(service["WatchdogSec"][0]) >= 30 * TICK
