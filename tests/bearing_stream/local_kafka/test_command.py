"""`bearing-stream broker`, as a user at a terminal runs it."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.local_kafka.command import command
from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.program import PROGRAM
from tests.bearing_stream.local_kafka.waiting import PATIENCE, eventually, is_gone


def test_a_port_that_is_taken_gives_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected() -> NoReturn:
        pytest.fail("the port was checked after the jars, which may have to be fetched first")

    monkeypatch.setattr("bearing_stream.local_kafka.cluster.read_lock", unexpected)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(command, ["--port", str(port)])
    assert result.exit_code == 1
    assert result.output == (
        f"Error: Port {port} is taken. Stop what listens there, or choose another.\n"
    )


def test_data_of_another_number_of_brokers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broker-1").mkdir()
    options = ["--port", str(free_ports(3)[0]), "--brokers", "3", "--data", str(tmp_path)]
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 1
    assert "holds the data of 1 broker(s), not 3" in result.output


@contextmanager
def running(port: int, data: Path, number: signal.Signals) -> Iterator[AdminClient]:
    """Run the command until the block ends, then send this signal and check how it ends."""
    arguments = ["--port", str(port), "--data", str(data)]
    # Like the background process of a script, for which the shell ignores SIGINT.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            [*PROGRAM, "broker", *arguments], stdout=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert process.stdout
            assert f"127.0.0.1:{port}" in process.stdout.readline()
            assert "Ctrl-C" in process.stdout.readline()
            children = psutil.Process(process.pid).children(recursive=True)
            assert any("kafka.Kafka" in child.cmdline() for child in children)
            yield AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
            process.send_signal(number)
            assert process.communicate(timeout=PATIENCE)[0] == "Stopped.\n"
            assert process.returncode == 0
            assert eventually(lambda: all(is_gone(child.pid) for child in children))
        finally:
            process.kill()


@pytest.mark.integration
def test_it_runs_until_it_is_stopped_and_keeps_its_data(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with running(port, tmp_path, signal.SIGINT) as admin:
        admin.create_topics([NewTopic("kept", 1)])["kept"].result(PATIENCE)
    with running(port, tmp_path, signal.SIGTERM) as admin:
        assert "kept" in admin.list_topics(timeout=PATIENCE).topics
