"""Wait for events in other processes."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE = 20.0
"""Seconds; far more than any wait here takes."""


def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Whether the condition becomes true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie, which only waits to be reaped, has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def everything_is_gone(pids: list[int], folder: Path) -> bool:
    return all(map(is_gone, pids)) and not folder.exists()
