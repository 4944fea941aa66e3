"""No process survives its parent, however that ends; tested with a process lighter than Java."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bearing_stream.local_kafka import LocalKafkaError
from bearing_stream.local_kafka.processes import Keeper
from tests.bearing_stream.local_kafka.waiting import eventually, everything_is_gone, is_gone

SLEEPER = [sys.executable, "-ISc", "import time; time.sleep(600)"]

PARENT = """
import json, os, sys, time
from pathlib import Path
from bearing_stream.local_kafka.processes import Keeper
keeper = Keeper()
pids = [keeper.start(f"sleeper-{n}", json.loads(sys.argv[1]), keeper.folder, keeper.folder / "log")
        for n in range(2)]
if sys.argv[2] == "fork" and os.fork() == 0:
    time.sleep(600)
print(json.dumps([str(keeper.folder), pids]), flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Family:
    parent: subprocess.Popen[str]
    folder: Path
    pids: list[int]


def started(mode: str = "") -> Family:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(SLEEPER), mode],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout
    folder, pids = json.loads(parent.stdout.readline())
    return Family(parent, Path(folder), pids)


@pytest.fixture
def family() -> Iterator[Family]:
    family = started()
    yield family
    end(family)


def end(family: Family) -> None:
    if family.parent.poll() is None:
        family.parent.kill()
    family.parent.communicate()
    shutil.rmtree(family.folder, ignore_errors=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_and_folder_end_with_the_parent(family: Family, number: signal.Signals) -> None:
    assert family.folder.exists()
    assert not any(map(is_gone, family.pids))
    family.parent.send_signal(number)
    assert eventually(lambda: everything_is_gone(family.pids, family.folder))


def test_frozen_children_end_too(family: Family) -> None:
    os.kill(family.pids[0], signal.SIGSTOP)
    family.parent.kill()
    assert eventually(lambda: everything_is_gone(family.pids, family.folder))


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(family: Family) -> None:
    group = os.getpgid(family.parent.pid)
    assert all(os.getpgid(pid) != group for pid in family.pids)
    assert all(os.getsid(pid) != os.getsid(family.parent.pid) for pid in family.pids)


def test_a_fork_that_holds_the_pipe_open_keeps_no_child_alive() -> None:
    family = started("fork")
    (fork,) = [
        child
        for child in psutil.Process(family.parent.pid).children()
        if "keeper.py" not in " ".join(child.cmdline())
    ]
    family.parent.kill()
    try:
        assert eventually(lambda: everything_is_gone(family.pids, family.folder))
    finally:
        fork.kill()
        end(family)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux can kill a child when its parent ends"
)
def test_children_end_with_a_killed_keeper(family: Family) -> None:
    (keeper,) = psutil.Process(family.parent.pid).children()
    keeper.kill()
    assert eventually(lambda: all(map(is_gone, family.pids)))


def test_closing_removes_a_temporary_folder_and_keeps_one_that_was_given(tmp_path: Path) -> None:
    with Keeper() as temporary, Keeper(tmp_path) as given:
        assert temporary.folder.exists()
        assert given.folder == tmp_path
    assert not temporary.folder.exists()
    assert tmp_path.exists()


def test_a_process_that_ends_is_reported_with_its_status_and_output(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        log = tmp_path / "log"
        keeper.start("short", [sys.executable, "-c", "print('done'); exit(3)"], tmp_path, log)
        assert keeper.wait("short", 20.0) == 3
        assert log.read_text() == "done\n"
        keeper.start("long", SLEEPER, tmp_path, log)
        assert keeper.wait("long", 0.0) is None
        keeper.signal("long", signal.SIGKILL)
        assert keeper.wait("long", 20.0) == -signal.SIGKILL


def test_a_program_that_cannot_start_is_an_error_and_affects_no_other(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        with pytest.raises(LocalKafkaError, match="no-such-program"):
            keeper.start("bad", ["/no-such-program"], tmp_path, tmp_path / "log")
        keeper.start("good", SLEEPER, tmp_path, tmp_path / "log")
        assert keeper.status("good") is None


def test_a_closed_keeper_is_an_error(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        pass
    with pytest.raises(LocalKafkaError, match="closed"):
        keeper.status("anything")
