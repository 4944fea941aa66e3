import os
import subprocess
import sys

import pytest

from bearing_stream.commands.capacity import processor

pytestmark = pytest.mark.skipif(not processor.PROC.exists(), reason="reads Linux's /proc")

BUSY = "import time\nwhile time.process_time() < 0.5: pass"
IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.mark.parametrize("program", [BUSY, IN_A_CHILD], ids=["child", "grandchild"])
def test_the_time_of_a_child_that_has_ended_is_ours(program: str) -> None:
    before = processor.tree_seconds(os.getpid())
    machine = processor.machine_seconds()
    subprocess.run([sys.executable, "-c", program], check=True)
    assert processor.tree_seconds(os.getpid()) - before >= 0.45
    assert processor.machine_seconds() - machine >= 0.45


def test_the_time_of_a_running_child_is_ours() -> None:
    before = processor.tree_seconds(os.getpid())
    waits = BUSY + "\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert processor.tree_seconds(os.getpid()) - before >= 0.45
        found = processor.usage(child.pid)
        assert found is not None
        assert found.parent == os.getpid()
        assert child.pid in set(processor.descendants(os.getpid()))
        assert processor.peak_memory(child.pid) > 2**20
        assert processor.program_of(child.pid).startswith("python")
        child.kill()


def test_a_process_that_has_ended_has_no_usage() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processor.usage(child.pid) is None
    assert processor.peak_memory(child.pid) == 0
    assert processor.program_of(child.pid) == ""


def test_own_work_is_no_disturbance() -> None:
    watch = processor.OthersWatch()
    machine, own = watch.seconds()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    machine_later, own_later = watch.seconds()
    assert own_later - own >= 0.45
    # Beyond the own time, the machine's is that of others.
    expected = machine_later - machine - (own_later - own)
    assert watch.cores() >= 0
    assert expected >= -0.1
