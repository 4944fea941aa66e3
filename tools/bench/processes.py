"""Programs as processes: the servers and consumers that are measured, and those of tests."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

from tools.bench.errors import BenchError

STOP_TIMEOUT: Final = 15.0
"""Seconds that a process may take to end after SIGTERM, before it is killed."""


@contextmanager
def running(
    *arguments: str,
    program: Sequence[str] = (sys.executable,),
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int = subprocess.PIPE,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run a program with these arguments, by default Python, as a process until the block ends.

    The process then receives SIGTERM, and SIGKILL if it has not ended within `STOP_TIMEOUT`.
    """
    process = subprocess.Popen(
        [*program, *arguments], stdout=stdout, stderr=stderr, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def listening_port(process: subprocess.Popen[str]) -> int:
    """Return the port that an HTTP server logs to standard error, which must be a pipe.

    Raises:
        BenchError: The process ended before it listened.
    """
    assert process.stderr is not None
    output = []
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
        output.append(line)
    raise BenchError(f"the server ended before it listened: {''.join(output)}")
