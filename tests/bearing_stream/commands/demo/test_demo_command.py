"""The messages and exit status of the demo if it is interrupted or cannot run."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from bearing_stream.commands.demo import stage
from bearing_stream.commands.demo.command import command
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.kafka import FatalKafkaError, startup

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _restore_signals_and_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CWRU_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def replace_kafka(monkeypatch: pytest.MonkeyPatch, kafka: Any) -> None:
    monkeypatch.setattr(stage, "kafka", kafka)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_it_as_interrupted(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    # As for a background job of a script; pytest itself may run under nohup.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def interrupted(*_: Any) -> NoReturn:
        # Calls the handler instead of raising SIGINT, which ended a worker of pytest-xdist twice.
        handler = signal.getsignal(number)
        assert callable(handler), "the signal would be ignored, or end the process"
        handler(number, None)
        raise AssertionError("the handler returned")

    replace_kafka(monkeypatch, interrupted)
    result = CliRunner().invoke(command)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; nothing was counted.\n"


def test_nohup_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def continuing(*_: Any) -> NoReturn:
        signal.raise_signal(signal.SIGHUP)
        raise FatalKafkaError("continued")

    replace_kafka(monkeypatch, continuing)
    assert "continued" in CliRunner().invoke(command).output


def test_settings_of_other_commands_do_not_reach_the_commands_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    backlogs: list[int] = []

    def kafka(settings: DemoSettings, _: Any) -> NoReturn:
        seen.extend(name for name in os.environ if name.upper().startswith("BEARING_STREAM"))
        backlogs.append(settings.backlog)
        raise FatalKafkaError("stop here")

    replace_kafka(monkeypatch, kafka)
    for name in ("BEARING_STREAM_GROUP", "bearing_stream_limit", "BEARING_STREAM_CONFIG"):
        monkeypatch.setenv(name, "")
    result = CliRunner().invoke(command, env={"BEARING_STREAM_BACKLOG": "77"})
    assert "stop here" in result.output
    assert (seen, backlogs) == ([], [77])


def test_a_folder_that_cannot_be_created_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").touch()
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert result.output.startswith("Error: the folder out cannot be created (File exists)")
    assert result.output.count("\n") == 1


def test_an_unreachable_kafka_is_reported_while_the_demo_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(startup, "RETRY_PAUSE", 0.1)
    monkeypatch.setattr("bearing_stream.commands.demo.stage.STARTUP_TIMEOUT", 1.0)
    monkeypatch.setattr(startup, "CHECK_TIMEOUT", 0.2)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        servers = f"127.0.0.1:{bound.getsockname()[1]}"
        result = CliRunner().invoke(command, ["--bootstrap-servers", servers])
    assert result.exit_code == 1
    output = " ".join(result.stdout.split())
    assert f"no Kafka broker responds at {servers}; waiting up to 1 s" in output
    assert "Error: no Kafka broker responds" in result.stderr
