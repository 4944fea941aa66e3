"""`consume --workers N`: one process starts N consumers of the group and keeps them running.

Each worker is a process of its own, started as a user would start it, since Python runs on one
core at a time. The supervisor has one thread and no Kafka client: it waits for signals, for the end
of a worker, and for what the workers report, and nothing else.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Final

from bearing_stream.logs import Event
from bearing_stream.program import PROGRAM
from consumer import events
from consumer.liveness import budget
from consumer.liveness.shutdown import SIGNALS
from consumer.settings import ConsumerSettings
from consumer.telemetry.health import STOPS
from consumer.telemetry.service_manager import (
    ALIVE,
    READY,
    STOPPING,
    TICK,
    ServiceManager,
    status_of,
)
from consumer.telemetry.serving import (
    SOCKETS_VARIABLE,
    EndpointError,
    check,
    folder_of_sockets,
)
from consumer.worker import Worker

ENDPOINT: Final = 0
"""Number of the process that serves the metrics and the health of all workers."""

FIRST_DELAY: Final = 1.0
"""Seconds before a worker that ended is started again; doubled for each time in a row."""

LONGEST_DELAY: Final = 30.0
"""Seconds, at most, before a worker that ended is started again."""

STEADY: Final = 60.0
"""Seconds after which a worker that ran so long counts as having started well."""

ATTEMPTS: Final = 5
"""Ends in a row, each before `STEADY`, after which the supervisor gives up: the reason is then one
that another start does not remove, such as a permission that is missing."""

STOP_LIMIT: Final = budget.SHUTDOWN + 2.0
"""Seconds after which a worker that was asked to stop is killed: it ends by itself before."""


def run_workers(settings: ConsumerSettings, arguments: Sequence[str]) -> int:
    """Run `settings.workers` consumers until SIGTERM or SIGINT; for the main thread.

    Args:
        settings: Of the supervisor.
        arguments: Of the command line, from `consume` on; each worker gets them too.

    Returns:
        The exit status: 1 if a worker failed again and again or did not end in order, or if the
        metrics cannot be served as is set, which is logged.
    """
    commands: dict[int, Sequence[str]] = {}
    for number in range(1, settings.workers + 1):
        own = ["--workers=1"]
        if settings.instance_id is not None:
            own.append(f"--instance-id={settings.instance_id}-{number}")
        commands[number] = [*PROGRAM, *arguments, *own]
    if settings.metrics_port is None:
        return Supervisor(commands).run()
    commands[ENDPOINT] = [*PROGRAM, *arguments]
    try:
        # Here too, since a worker that cannot use them would be started again and again.
        check((settings.metrics_host, settings.metrics_port))
        with folder_of_sockets(settings.workers) as folder:
            os.environ[SOCKETS_VARIABLE] = str(folder)
            return Supervisor(commands).run()
    except EndpointError as error:
        events.emit(events.FAILED, error=str(error))
        return 1


class Supervisor:
    """Starts a process for each command, and starts it again, with backoff, when it ends."""

    def __init__(
        self,
        commands: Mapping[int, Sequence[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a worker for each number and command; `clock` is monotonic, in seconds."""
        self._workers = [Worker(number, command) for number, command in commands.items()]
        self._clock = clock
        self._manager = ServiceManager.of_environment()
        self._signals: list[signal.Signals] = []
        self._stopping = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until a worker fails permanently; returns an exit status.

        Each signal is passed on to the workers as SIGTERM; a second one ends them at once. Workers
        that outlive the limit of an orderly end are killed.
        """
        with self._waking() as woken:
            try:
                while not self._signals:
                    if failed := [w.number for w in self._workers if w.failures >= ATTEMPTS]:
                        reason = _given_up(failed[0])
                        events.emit(events.FAILED, error=reason)
                        self._stop(woken, reason)
                        return 1
                    self._start_those_due()
                    seconds = self._wait(woken, self._seconds_to_next_start())
                    self._note_ends()
                    self._take_reports(seconds)
                    self._report()
                events.emit(events.STOPPING, signal=self._signals[0].name)
                return 0 if self._stop(woken) else 1
            finally:
                for process in self._running():
                    process.kill()
                    process.wait()

    @contextlib.contextmanager
    def _waking(self) -> Iterator[int]:
        """Yield a file descriptor that a signal, or the end of a worker, makes readable."""
        read_end, write_end = os.pipe()
        for end in (read_end, write_end):
            os.set_blocking(end, False)
        before = {
            number: signal.signal(number, self._receive) for number in (*SIGNALS, signal.SIGCHLD)
        }
        previous = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        try:
            yield read_end
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read_end)
            os.close(write_end)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if number in SIGNALS:
            self._signals.append(signal.Signals(number))

    def _wait(self, woken: int, limit: float) -> float:
        """Wait for a signal or the end of a worker, for `limit` seconds at most.

        Returns:
            The seconds that passed, of which a process that was frozen meanwhile noticed no more.
        """
        begin = self._clock()
        select.select([woken], [], [], limit)
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        return min(self._clock() - begin, limit)

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [worker.process for worker in self._workers if worker.process is not None]

    def _seconds_to_next_start(self) -> float:
        """Return a tick at most."""
        waiting = [worker.start_at for worker in self._workers if worker.process is None]
        return min(max(min(waiting) - self._clock(), 0), TICK) if waiting else TICK

    def _start_those_due(self) -> None:
        for worker in self._workers:
            if worker.process is None and worker.start_at <= self._clock():
                self._start(worker)

    def _start(self, worker: Worker) -> None:
        worker.started = self._clock()
        try:
            worker.start()
        except (OSError, subprocess.SubprocessError) as error:
            # Too many processes, or too little memory: the other workers go on meanwhile.
            self._start_later(worker, status=None, reason=str(error))
        else:
            _emit(events.WORKER_STARTED, worker)

    def _note_ends(self) -> None:
        """Schedule the next start of the workers that have ended."""
        for worker in self._workers:
            if worker.process is None or (status := worker.process.poll()) is None:
                continue
            worker.process = None
            self._start_later(worker, status=status)

    def _take_reports(self, seconds: float) -> None:
        """Kill the workers that are frozen; `seconds` have passed since the last call."""
        for worker in self._workers:
            worker.take_reports(seconds)
            limit = worker.longest_silence
            if worker.process is not None and worker.silent >= limit:
                _emit(events.WORKER_FROZEN, worker, seconds=limit)
                worker.process.kill()

    def _report(self) -> None:
        """Report all workers to the service manager."""
        if self._manager is not None:
            problems = filter(None, (worker.problem for worker in self._workers))
            ready = [READY] if all(worker.is_ready for worker in self._workers) else []
            self._manager.report([*ready, ALIVE, status_of(problems)])

    def _start_later(self, worker: Worker, **facts: object) -> None:
        """Schedule the next start of a worker that does not run, and log the facts."""
        steady = self._clock() - worker.started >= STEADY
        worker.failures = 1 if steady else worker.failures + 1
        delay = min(FIRST_DELAY * 2 ** (worker.failures - 1), LONGEST_DELAY)
        worker.start_at = self._clock() + delay
        if not self._stopping:
            events.emit(
                events.WORKER_ENDED,
                worker=worker.number,
                failures=worker.failures,
                seconds_to_next_start=delay if worker.failures < ATTEMPTS else None,
                **facts,
            )

    def _stop(self, woken: int, reason: str = STOPS) -> bool:
        """End the workers in order; returns whether all ended with status 0 and in time."""
        self._stopping = True
        if self._manager is not None:
            self._manager.report([STOPPING, status_of([reason])])
        deadline = self._clock() + STOP_LIMIT
        in_order, sent = True, 0
        while running := self._running():
            # The first signal stops in order; each further one is passed on too.
            while sent < max(len(self._signals), 1):
                sent += 1
                for process in running:
                    process.terminate()
            if self._clock() >= deadline:
                self._note_not_stopped()
                return False
            self._wait(woken, deadline - self._clock())
            in_order &= not any(process.poll() for process in running)
            self._note_ends()
        return in_order

    def _note_not_stopped(self) -> None:
        for worker in self._workers:
            if worker.process is not None:
                _emit(events.WORKER_NOT_STOPPED, worker, seconds=STOP_LIMIT)


def _emit(event: Event, worker: Worker, **facts: object) -> None:
    """Log an event of a worker whose process runs."""
    events.emit(event, worker=worker.number, process=worker.pid, **facts)


def _given_up(number: int) -> str:
    return (
        f"worker {number} ended {ATTEMPTS} times in a row within {STEADY:g} s of its start: remove "
        "the reason that it logs, and start again"
    )
