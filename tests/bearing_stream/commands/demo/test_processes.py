import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bearing_stream.commands.demo.processes import Command, DemoError
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings

NOWHERE = "127.0.0.1:1"

DEMO = f"""
import sys, time
from pathlib import Path
from bearing_stream.commands.demo.processes import Command
from bearing_stream.kafka import TopicSettings
from bearing_stream.config import load
topics = load(TopicSettings, {{"bootstrap_servers": "{NOWHERE}"}})
with Command("watch", topics=topics, log=Path(sys.argv[1])):
    print("started", flush=True)
    time.sleep(60)
"""


def watching(log: Path) -> list[psutil.Process]:
    """Return the commands whose standard output is this log."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[1:] == ["-P", "-m", "bearing_stream", "watch"] and str(log) in (
                file.path for file in process.open_files()
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_no_command_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "watch.log"
    demo = subprocess.Popen([sys.executable, "-c", DEMO, str(log)], stdout=subprocess.PIPE)
    assert demo.stdout
    assert demo.stdout.readline() == b"started\n"
    commands = watching(log)
    assert len(commands) == 1

    demo.kill()
    demo.wait()
    demo.stdout.close()

    gone, alive = psutil.wait_procs(commands, timeout=15)
    assert (len(gone), alive) == (1, [])


def test_the_error_of_a_failed_command_has_the_end_of_its_log(tmp_path: Path) -> None:
    topics = load(TopicSettings, {"bootstrap_servers": NOWHERE, "startup_timeout": 0})
    with Command("watch", "--startup-timeout", "0", topics=topics, log=tmp_path / "log") as command:
        deadline = time.monotonic() + 30
        while command.running and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(DemoError, match="no Kafka broker responds"):
            command.check()
