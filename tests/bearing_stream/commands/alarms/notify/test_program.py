"""A program for each event: what it gets, and which exit status means what."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from bearing_stream.commands.alarms.notify.senders import RefusedError, UnavailableError
from bearing_stream.commands.alarms.notify.senders.program import ProgramSender
from tests.bearing_stream.commands.alarms.notify.examples import notification, receiver
from tests.kafka_tools import eventually


def sender(program: str, more: str = "") -> ProgramSender:
    argv = json.dumps([sys.executable, "-c", program])
    return ProgramSender(receiver(f'kind = "command"\nargv = {argv}\n{more}'))


def shell(script: str, more: str = "") -> ProgramSender:
    return ProgramSender(
        receiver(f'kind = "command"\nargv = {json.dumps(["sh", "-c", script])}\n{more}')
    )


def test_the_event_is_on_standard_input_and_the_key_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    monkeypatch.setenv("SITE", "north")
    out = tmp_path / "out"
    shell(f'(env; cat) > "{out}"', 'environment = ["SITE"]').send(notification(1))
    *environment, body = out.read_text().splitlines()
    assert json.loads(body)["transition_id"] == f"{1:032x}"
    assert f"BEARING_STREAM_IDEMPOTENCY_KEY={1:032x}" in environment
    assert "SITE=north" in environment
    assert "hunter2" not in out.read_text()


def test_a_program_need_not_read_its_input() -> None:
    shell("exit 0").send(notification())


@pytest.mark.parametrize(("status", "error"), [(1, RefusedError), (75, UnavailableError)])
def test_the_exit_status_decides(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"status {status}: the disk is full"):
        shell(f"echo the disk is full >&2; exit {status}").send(notification())


def test_a_program_that_a_signal_ended_is_tried_again() -> None:
    with pytest.raises(UnavailableError, match="status -9"):
        shell("kill -9 $$").send(notification())


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(UnavailableError, match=r"it was ended: it may take 0\.3 s"):
        shell(f'sleep 60 & echo $! > "{pid}"; wait', 'timeout = "300ms"').send(notification())
    eventually(lambda: not runs(int(pid.read_text())), "the end of what it started")


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # It may have ended, and wait for the process that started it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_leaves_another_running_has_accepted(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    shell(f'sleep 60 & echo $! > "{pid}"').send(notification())
    os.kill(int(pid.read_text()), 9)


def test_a_stop_ends_a_running_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearing_stream.commands.alarms.notify.senders.program.STOP_GRACE", 0.1)
    one = shell("sleep 60")
    threading.Timer(0.3, one.stop).start()
    with pytest.raises(UnavailableError, match="it was ended"):
        one.send(notification())


def test_a_program_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    one = ProgramSender(receiver(f'kind = "command"\nargv = ["{program}"]'))
    one.send(notification())
    program.unlink()
    with pytest.raises(UnavailableError, match="it cannot be started"):
        one.send(notification())


def test_the_preview_is_the_command_line_and_the_input() -> None:
    line, _, body = shell("echo 'a b'").preview(notification(1)).partition("\n\n")
    assert line == f"""BEARING_STREAM_IDEMPOTENCY_KEY={1:032x} sh -c 'echo '"'"'a b'"'"''"""
    assert json.loads(body)["event"] == "raised"


def test_a_large_event_is_written_whole() -> None:
    big = notification(label="x" * 1_000_000)
    sender(f"import sys; sys.exit(len(sys.stdin.read()) != {len(big.body)})").send(big)
