"""A contender as a process, on topics of its own."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from uuid import uuid4

from tools.bench.errors import BenchError
from tools.bench.peers.contenders import Contender
from tools.bench.peers.installing import environment_of_peers
from tools.bench.peers.topics import Topics
from tools.bench.processes import running


@dataclass(frozen=True, slots=True)
class Started:
    """A contender that runs."""

    name: str
    at: float
    """Seconds since the epoch when its process was started."""
    diagnoses: str
    """Topic that it writes to."""
    process: subprocess.Popen[str]
    log: IO[str]

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            BenchError: It has; includes the end of its output.
        """
        if (status := self.process.poll()) is not None:
            self.log.seek(0)
            tail = "\n".join(self.log.read().splitlines()[-8:])
            raise BenchError(f"{self.name} ended with {status}:\n{tail}")


@contextmanager
def started(
    contender: Contender, topics: Topics, windows: str, *, append_time: bool
) -> Iterator[Started]:
    """Run a contender on a topic of windows until the block ends; delete its topics afterwards."""
    diagnoses = topics.create("diagnoses", append_time=append_time)
    own = [diagnoses]
    options = [
        *("--bootstrap-servers", topics.servers, "--group", f"peers-{uuid4().hex[:8]}"),
        *("--windows-topic", windows, "--diagnoses-topic", diagnoses),
    ]
    if contender.dead_letters:
        own.append(topics.create("dead-letters", append_time=append_time))
        options += ["--dead-letters-topic", own[-1]]
    at = time.time()
    with (
        tempfile.TemporaryFile("w+") as log,
        running(
            *options,
            program=contender.command,
            stdout=log,
            stderr=subprocess.STDOUT,
            environment=environment_of_peers(),
        ) as process,
    ):
        yield Started(contender.name, at, diagnoses, process, log)
    topics.delete(*own)
