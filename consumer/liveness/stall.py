"""Detects a Kafka client that delivers nothing although windows are waiting."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Protocol, TypeVar

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer import events
from consumer.liveness.probe import Stall
from consumer.messages import Positions

T = TypeVar("T")

INTERVAL: Final = 30.0
"""Seconds without a message after which an independent client probes the topic."""

MAX_PROBES: Final = 2
"""Probes in a row that find a reason to deliver, after which the consumer is stalled."""


class Flow(Protocol):
    """The messages that are watched; see `kafka.source.WindowSource`."""

    @property
    def received(self) -> int:
        """Messages received since the start."""

    def positions(self) -> Positions:
        """The next offset of each partition where it is known."""

    def member(self) -> str:
        """The id of this consumer in its group; empty if it has none."""


class StallCheck:
    """Probes the topic from time to time while no message arrives.

    Only a probe distinguishes a client that has stopped fetching from a topic without new messages.
    And librdkafka 2.16 waits silently while Kafka does not return the offset to begin at, because a
    transaction with the group's offsets is still open.
    """

    def __init__(
        self,
        flow: Flow,
        probe: Callable[[Positions, str], Stall | None],
        clock: Callable[[], float] = time.monotonic,
        start: "Callable[..., Future[Stall | None]] | None" = None,
    ) -> None:
        """Set up.

        Args:
            flow: The source that should deliver messages.
            probe: Finds out with an independent client whether anything should have been delivered
                from these positions on, as this member of the group; see `probe.find_stall`. Raises
                `TransientKafkaError`.
            clock: Monotonic seconds.
            start: Starts a call in the background; by default `in_thread`.
        """
        self._start = start or in_thread
        self._probe: Future[Stall | None] | None = None
        self._flow = flow
        self._find_stall = probe
        self._clock = clock
        self._received = 0
        self._checked_at = clock()
        self._found = 0
        self.error = ""
        """What the last probe found: why something should have been delivered, if anything."""

    def check(self) -> None:
        """Probe if nothing has arrived for `INTERVAL`; call it in every round, it never blocks.

        Raises:
            FatalKafkaError: The client is stalled, and another process should continue.
        """
        now = self._clock()
        if self._flow.received != self._received:
            self._received, self._checked_at, self._found = self._flow.received, now, 0
            self.error = ""
            # What a probe has found by now may have been delivered since.
            self._probe = None
        elif self._probe is not None:
            if self._probe.done():
                probe, self._probe, self._checked_at = self._probe, None, now
                self._take(probe)
        elif now >= self._checked_at + INTERVAL:
            positions, member = self._flow.positions(), self._flow.member()
            self._probe = self._start(self._find_stall, positions, member)

    def _take(self, probe: "Future[Stall | None]") -> None:
        try:
            found = probe.result()
        except TransientKafkaError as failure:
            events.emit(
                events.STALL_CHECK_FAILED,
                reason=str(failure),
                detail="no window arrives, and Kafka does not report whether any is waiting",
            )
            return
        self.error = "" if found is None else found.error
        if found is None:
            self._found = 0
            return
        self._found += 1
        events.emit(found.event, **found.facts)
        if self._found >= MAX_PROBES:
            raise FatalKafkaError(f"{found.error}; start the consumer again")


def in_thread(function: Callable[..., T], *arguments: Any) -> "Future[T]":
    """Call a function in a thread of its own, which does not keep the process from ending."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(function(*arguments))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="stall-probe", daemon=True).start()
    return result
