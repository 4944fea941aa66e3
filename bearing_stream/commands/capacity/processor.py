"""Processor time of processes and of the machine, from Linux's `/proc`."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")

TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Units of the times in `/proc`, per second."""


class Usage(NamedTuple):
    """Of one process, from `/proc/PID/stat`."""

    parent: int
    seconds: float
    """Of all its threads, and of its children that have ended."""


def usage(pid: int) -> Usage | None:
    """Return the usage of a process; None if it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of the program is in brackets and may hold anything.
    fields = text.rpartition(")")[2].split()
    return Usage(int(fields[1]), sum(map(int, fields[11:15])) / TICKS)


def tree_seconds(root: int) -> float:
    """Return the seconds of a process and of all its descendants, those that have ended too."""
    usages = {pid: found for pid in _pids() if (found := usage(pid)) is not None}
    children: dict[int, list[int]] = {}
    for pid, found in usages.items():
        children.setdefault(found.parent, []).append(pid)
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += usages[pid].seconds if pid in usages else 0.0
        waiting += children.get(pid, [])
    return total


def machine_seconds() -> float:
    """Return the seconds that all processes took, and those that other virtual machines took.

    Interrupts are left out: their time is nobody's, and most of it here is of the loopback.
    """
    fields = (PROC / "stat").read_text().split("\n", 1)[0].split()
    user, nice, system, steal = (int(fields[at]) for at in (1, 2, 3, 8))
    return (user + nice + system + steal) / TICKS


def peak_memory(pid: int) -> int:
    """Return the largest resident set of a process so far, in bytes; 0 if it has ended."""
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def model_name() -> str:
    """Return the name of the processor, or an empty string."""
    with suppress(OSError):
        for line in (PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return ""


def descendants(root: int) -> Iterator[int]:
    """Yield the processes below a process."""
    parents = {pid: found.parent for pid in _pids() if (found := usage(pid)) is not None}
    below = {root}
    # A child may have a smaller number than its parent where numbers have wrapped around.
    while found_now := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= found_now
        yield from found_now


def program_of(pid: int) -> str:
    """Return the name of the program that a process runs, or an empty string."""
    with suppress(OSError):
        return (PROC / str(pid) / "comm").read_text().strip()
    return ""


class OthersWatch:
    """Measures the cores that processes use which do not descend from this one.

    The kernel's own threads are among them, and other virtual machines on the same processor.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = self.seconds()

    def cores(self) -> float:
        """Return the average since the construction."""
        (machine, own), before = self.seconds(), self._before
        others = machine - before[0] - (own - before[1])
        return max(0.0, others) / (time.monotonic() - self._started)

    @staticmethod
    def seconds() -> tuple[float, float]:
        """Return the processor time of the whole machine, and that of the own processes."""
        return machine_seconds(), tree_seconds(os.getpid())


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
