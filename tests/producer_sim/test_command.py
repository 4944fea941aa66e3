import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from producer_sim.command import command
from tests.mock_kafka import MockKafka

SYNTHETIC = ("--source", "synthetic", "--sensors", "4")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, [*SYNTHETIC, *arguments])


def test_it_prints_what_was_sent(mock_kafka: MockKafka, tmp_path: Path) -> None:
    summary = tmp_path / "sent.json"
    result = run(
        *("--bootstrap-servers", mock_kafka.bootstrap_servers, "--speed", "max"),
        *("--limit", "40", "--malformed", "0.5", "--summary-json", str(summary)),
    )
    assert result.exit_code == 0, result.output
    assert "sent 40 measurements of 4 sensors" in result.stdout
    assert result.stderr == ""
    sent = json.loads(summary.read_text())
    assert (sent["windows"], sent["failed"], sent["sensors"]) == (40, 0, 4)
    assert len(mock_kafka.messages(40)) == 40 + sum(sent["malformed"].values())


def test_a_summary_that_cannot_be_written_is_reported_before_anything_is_sent(
    mock_kafka: MockKafka, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere" / "sent.json"
    servers = mock_kafka.bootstrap_servers
    result = run("--bootstrap-servers", servers, "--limit=1", "--summary-json", str(nowhere))
    assert result.exit_code == 1
    assert result.output == f"Error: --summary-json: {nowhere}: No such file or directory\n"


@pytest.mark.usefixtures("short_check")
def test_an_unreachable_cluster_is_one_line_and_a_failure() -> None:
    result = run("--bootstrap-servers", "127.0.0.1:1", "--startup-timeout", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no Kafka broker responds at 127.0.0.1:1")
    assert result.stderr.count("\n") == 1


def test_a_window_that_was_not_delivered_sets_the_exit_status(mock_kafka: MockKafka) -> None:
    result = run(
        *("--bootstrap-servers", mock_kafka.bootstrap_servers, "--speed", "max", "--limit", "3"),
        *("--kafka", "message.max.bytes=1000"),
    )
    assert result.exit_code == 1
    assert "not delivered" in result.stderr
    assert "sent 0 measurements" in result.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [("--speed", "fast"), ("--speed", "0"), ("--malformed", "2"), ("--measurement", "100ms")],
)
def test_a_wrong_setting_is_a_usage_error(option: str, value: str) -> None:
    result = run(option, value)
    assert result.exit_code == 2
    assert f"{option} (BEARING_STREAM_{option[2:].upper()})" in result.stderr


def test_a_share_that_is_not_a_number_is_refused() -> None:
    assert "--malformed (BEARING_STREAM_MALFORMED): Input should be a finite number" in (
        run("--malformed", "nan").stderr
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--label", "Foo"], "--label: no label Foo: choose from Ball"),
        (["--source", "files"], "--source files: name the files"),
        (["--source", "synthetic", "--rate", "9000"], "--rate is for the source files"),
        (["a.npy", "--rate", "9000", "--rate", "8000"], "--rate: expected one sampling rate, got"),
    ],
)
def test_a_selection_that_does_not_exist_is_a_usage_error(
    arguments: list[str], expected: str
) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_one_window_is_singular(mock_kafka: MockKafka) -> None:
    servers = ["--bootstrap-servers", mock_kafka.bootstrap_servers]
    one = ["--source", "synthetic", "--sensors", "1", "--limit", "1", "--speed", "max"]
    result = CliRunner().invoke(command, [*servers, *one])
    assert "signals of 1 bearing, seed" in result.stdout
    assert "sent 1 measurement of 1 sensor in" in result.stdout


def test_a_recording_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "missing.wav")])
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'missing.wav'}: no such file\n"


def test_signal_handlers_are_left_as_they_were(mock_kafka: MockKafka) -> None:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = [signal.getsignal(number) for number in numbers]
    run("--bootstrap-servers", mock_kafka.bootstrap_servers, "--speed", "max", "--limit", "1")
    assert [signal.getsignal(number) for number in numbers] == before


SIMULATE = """
import sys
from bearing_stream.cli import main
from bearing_stream.kafka import startup

startup.CHECK_TIMEOUT = 0.5
main(sys.argv[1:])
"""
"""Runs a command that waits only briefly for permissions, which the mock broker never reports."""


def start(servers: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", SIMULATE, "simulate", *SYNTHETIC, "--speed", "50"],
        env=os.environ | {"BEARING_STREAM_BOOTSTRAP_SERVERS": servers},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(number: signal.Signals) -> None:
    kafka = MockKafka()
    with start(kafka.bootstrap_servers) as process:
        kafka.await_first()
        # Without a broker, delivering goes on for eight seconds after the first signal.
        del kafka
        made_more = psutil.Process(process.pid).cpu_times().user + 0.1
        while psutil.Process(process.pid).cpu_times().user < made_more:
            time.sleep(0.02)
        process.send_signal(number)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(number)
        started = time.monotonic()
        _, errors = process.communicate(timeout=20)
    assert time.monotonic() - started < 4
    assert process.returncode == 128 + number
    assert errors.endswith("Interrupted; messages may be undelivered.\n")
    assert "Traceback" not in errors


def test_the_first_signal_ends_it_while_it_waits_for_kafka() -> None:
    with start("127.0.0.1:1") as process:
        assert process.stderr is not None
        assert "waiting up to" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "Interrupted; nothing was sent.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_everything_delivered(
    mock_kafka: MockKafka, number: signal.Signals
) -> None:
    process = start(mock_kafka.bootstrap_servers)
    mock_kafka.await_first()
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    sent = int(output.rpartition("sent ")[2].split()[0])
    assert mock_kafka.count() == sent > 0
