"""`--workers`: processes that are started, started again, and stopped together."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from bearing_stream.config import load
from consumer import workers
from consumer.events import FAILED, READY, WORKER_ENDED, WORKER_FROZEN, WORKER_STARTED
from consumer.settings import ConsumerSettings
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    PATIENCE,
    Load,
    Topics,
    assert_each_once_in_order,
    eventually,
    wait_for_progress,
    wait_until_finished,
)

SUPERVISE = """
import json, sys
from bearing_stream.logs import configure_logs
from consumer import events, workers

workers.FIRST_DELAY = 0.01
workers.FROZEN_AFTER = 2.0
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
def supervised(*programs: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor of Python programs, in a process of its own."""
    commands = [[sys.executable, "-c", program] for program in programs]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, json.dumps(commands)],
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


def ends(errors: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in errors.splitlines()]
    return [line for line in lines if line["event"] == WORKER_ENDED.name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_workers_in_order(number: signal.Signals) -> None:
    with supervised(STOPS, STOPS, STOPS) as process:
        await_lines(process, 3)
        workers_before = children(process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert ends(errors) == []
        assert not any(worker.is_running() for worker in workers_before)


def test_a_worker_that_is_killed_is_started_again() -> None:
    with supervised(STOPS, STOPS) as process:
        await_lines(process, 2)
        children(process)[0].kill()
        await_lines(process, 1)
        assert len(children(process)) == 2
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    [end] = ends(errors)
    assert (end["status"], end["failures"]) == (-signal.SIGKILL, 1)


def test_a_worker_that_is_frozen_is_killed_and_started_again() -> None:
    with supervised(REPORTS, STOPS) as process:
        await_lines(process, 2)
        frozen = next(child for child in children(process) if "reporting" in child.cmdline()[-1])
        frozen.suspend()
        await_lines(process, 1)
        assert not frozen.is_running()
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    events = [json.loads(line) for line in errors.splitlines()]
    found = [event for event in events if event["event"] == WORKER_FROZEN.name]
    assert [(event["worker"], event["process"]) for event in found] == [(1, frozen.pid)]
    assert [end["worker"] for end in ends(errors)] == [1]


def test_workers_that_were_frozen_with_their_supervisor_run_on() -> None:
    with supervised(REPORTS, REPORTS) as process:
        await_lines(process, 2)
        both = children(process)
        for each in (*both, psutil.Process(process.pid)):
            each.suspend()
        time.sleep(3)  # more than the limit
        for each in (psutil.Process(process.pid), *both):
            each.resume()
        time.sleep(1.5)  # a round of the supervisor
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, ends(errors)) == (0, [])


def test_a_worker_that_fails_again_and_again_ends_all_with_status_1() -> None:
    with supervised(STOPS, FAILS) as process:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
    found = ends(errors)
    assert [end["failures"] for end in found] == [1, 2, 3, 4, 5]
    delays = [end["seconds_to_next_start"] for end in found]
    assert delays == [0.01, 0.02, 0.04, 0.08, None]
    assert {end["status"] for end in found} == {3}


def test_a_worker_that_does_not_stop_in_order_shows_in_the_status() -> None:
    with supervised(WAITS) as process:
        await_lines(process, 1)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_workers_stop_when_the_supervisor_is_killed() -> None:
    with supervised(STOPS, STOPS) as process:
        await_lines(process, 2)
        workers_before = children(process)
        process.kill()
        gone, alive = psutil.wait_procs(workers_before, timeout=PATIENCE)
    assert (len(gone), alive) == (2, [])


@pytest.mark.integration
def test_workers_share_the_partitions_and_one_that_is_killed_is_replaced(topics: Topics) -> None:
    arguments = ("--workers=2", "--session-timeout=6")
    with Load(topics) as load, ConsumerProcess(topics, *arguments) as consumer:
        eventually(lambda: len(consumer.events(READY)) == 2, "both workers are ready")
        assert {line["worker"] for line in consumer.events(READY)} == {1, 2}
        wait_for_progress(topics, 200)
        os.kill(consumer.events(WORKER_STARTED)[0]["process"], signal.SIGKILL)
        eventually(lambda: len(consumer.events(WORKER_STARTED)) == 3, "it is started again")
        eventually(lambda: len(consumer.events(READY)) == 3, "it is ready again")
        load.stop()
        wait_until_finished(topics)
        consumer.stop()
    assert_each_once_in_order(topics, load.sent)
    [end] = consumer.events(WORKER_ENDED)
    assert end["status"] == -signal.SIGKILL


def test_a_worker_that_cannot_be_started_leaves_the_others_running() -> None:
    commands = [[sys.executable, "-c", STOPS], ["/no/such/program"]]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, json.dumps(commands)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    await_lines(process, 1)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    found = ends(errors)
    assert [end["failures"] for end in found] == [1, 2, 3, 4, 5]
    assert all("No such file" in str(end["reason"]) for end in found)
    assert "Traceback" not in errors


def refusal(monkeypatch: pytest.MonkeyPatch, **settings: object) -> str:
    """Why two workers that serve metrics are not started."""

    class NeverStarted:
        def __init__(self, _commands: object) -> None:
            pytest.fail("it is started")

    monkeypatch.setattr(workers, "Supervisor", NeverStarted)
    settings = {"workers": 2, "metrics_port": 0} | settings
    with capture_logs() as lines:
        assert workers.run_workers(load(ConsumerSettings, settings), ["consume"]) == 1
    [failed] = lines
    assert failed["event"] == FAILED.name
    return str(failed["error"])


def test_without_a_temporary_folder_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    error = refusal(monkeypatch)
    assert "No such file or directory; set TMPDIR to a writable folder" in error


def test_where_the_path_of_a_socket_is_too_long_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ("a" * 110)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    error = refusal(monkeypatch)
    assert "path too long; set TMPDIR to a writable folder with a short path" in error
    assert list(folder.iterdir()) == []


def test_where_the_metrics_port_is_in_use_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = refusal(monkeypatch, metrics_port=port)
    assert f"port {port}: Address already in use; choose another --metrics-port" in error


def commands_for(monkeypatch: pytest.MonkeyPatch, **settings: object) -> list[list[str]]:
    seen: list[list[str]] = []

    class Recorder:
        def __init__(self, commands: dict[int, list[str]]) -> None:
            seen.extend(commands.values())

        def run(self) -> int:
            return 0

    monkeypatch.setattr(workers, "Supervisor", Recorder)
    assert workers.run_workers(load(ConsumerSettings, settings), ["consume", "--workers=2"]) == 0
    return [list(command) for command in seen]


def test_each_worker_is_one_consumer_with_an_instance_id_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = commands_for(monkeypatch, workers=2)
    assert [command[-2:] for command in alone] == [["--workers=2", "--workers=1"]] * 2
    named = commands_for(monkeypatch, workers=2, instance_id="press-7")
    assert [c[-1] for c in named] == ["--instance-id=press-7-1", "--instance-id=press-7-2"]
