"""`--workers`: processes that are started, started again, and stopped together."""

import os
import signal
import sys
import time

import psutil
import pytest

from bearing_stream.config import load
from consumer import workers
from consumer.events import READY, WORKER_ENDED, WORKER_FROZEN, WORKER_NOT_STOPPED, WORKER_STARTED
from consumer.settings import ConsumerSettings
from consumer.worker import WORKER_VARIABLE
from tests.consumer.supervised import (
    FAILS,
    REPORTS,
    STOPS,
    WAITS,
    await_lines,
    children,
    ends,
    logged,
    supervised,
)
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
    with supervised(REPORTS, STOPS, FROZEN_AFTER=2.0) as process:
        await_lines(process, 2)
        frozen = next(child for child in children(process) if "reporting" in child.cmdline()[-1])
        frozen.suspend()
        await_lines(process, 1)
        assert not frozen.is_running()
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    found = logged(errors, WORKER_FROZEN)
    assert [(event["worker"], event["process"]) for event in found] == [(1, frozen.pid)]
    assert [end["worker"] for end in ends(errors)] == [1]


def test_a_worker_that_never_reports_is_killed_and_started_again() -> None:
    with supervised(WAITS, FIRST_REPORT=1.0) as process:
        await_lines(process, 2)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    frozen = logged(errors, WORKER_FROZEN)[0]
    assert (frozen["worker"], frozen["seconds"]) == (1, 1)
    assert ends(errors)[0]["status"] == -signal.SIGKILL


def test_workers_that_were_frozen_with_their_supervisor_run_on() -> None:
    with supervised(REPORTS, REPORTS, FROZEN_AFTER=2.0) as process:
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


def test_a_worker_that_is_frozen_at_the_stop_is_named_and_killed() -> None:
    with supervised(STOPS, STOPS, STOP_LIMIT=1.0) as process:
        await_lines(process, 2)
        frozen = children(process)[0]
        number = frozen.environ()[WORKER_VARIABLE]
        frozen.suspend()
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert not frozen.is_running()
    [found] = logged(errors, WORKER_NOT_STOPPED)
    assert (str(found["worker"]), found["process"]) == (number, frozen.pid)


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
    with supervised(STOPS, "/no/such/program") as process:
        await_lines(process, 1)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    found = ends(errors)
    assert [end["failures"] for end in found] == [1, 2, 3, 4, 5]
    assert all("No such file" in str(end["reason"]) for end in found)
    assert "Traceback" not in errors


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
