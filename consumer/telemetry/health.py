"""What the probes of a supervisor, such as Kubernetes, find out about a stage.

`/livez` fails if the loop does not advance: then a restart helps. It does not fail where Kafka is
away: a restart of the whole fleet would only make that worse. `/readyz` fails until the stage does
its work, and whenever it cannot; its body names why.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bearing_stream.kafka import UNDECIDED_FOR
from bearing_stream.observability import Response
from bearing_stream.observability.endpoint import JSON
from consumer.messages import Partition
from consumer.telemetry.partitions import Overview

READY_WITHIN: Final = 15.0
"""Seconds since the last round after which a stage is not ready: more than a batch and a commit
take, unless the device or Kafka is in trouble. It is alive for longer."""

STOPS: Final = "it is stopping"
"""The problem of a process that ends in order."""


class Phase(StrEnum):
    """Where a stage is between its start and its end."""

    LOADING = "loading"
    """It loads the model."""
    WAITING = "waiting"
    """It waits for Kafka, or for a topic."""
    RUNNING = "running"
    """It is a member of its group, or is joining it."""
    STOPPING = "stopping"
    """It finishes what is in flight."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What is asked of a running stage, in any thread.

    Args:
        seconds_since_round: How long ago the loop has finished a round.
        round_limit: Seconds that a round may take.
        joined: Whether the group has assigned it its partitions, which may be none.
        unresolved: Returns the assigned partitions of which it is unknown where to begin.
        trouble: Why results cannot be delivered now; empty if they can.
        stall: Why the Kafka client should have delivered something; empty if nothing is known.
        overview: What is known of the partitions.
    """

    seconds_since_round: Callable[[], float]
    round_limit: float
    joined: Callable[[], bool]
    unresolved: Callable[[], Sequence[Partition]]
    trouble: Callable[[], str]
    stall: Callable[[], str]
    overview: Callable[[], Overview]


class Health:
    """Responds to the probes; the service sets `phase`, `waiting_for` and `loop`."""

    def __init__(self, phase: Phase = Phase.LOADING) -> None:
        """Begin in a phase; a stage without a model begins to wait."""
        self.phase = phase
        self.waiting_for = ""
        self.loop: Loop | None = None

    def live(self, _accept: str = "") -> Response:
        """Respond to `/livez`: 503 if the loop does not advance."""
        seconds = 0.0
        limit = float("inf")
        # Before and after, other limits end the process: of the start, and of the shutdown.
        if self.loop is not None and self.phase is Phase.RUNNING:
            seconds, limit = self.loop.seconds_since_round(), self.loop.round_limit
        is_alive = seconds <= limit
        status = "alive" if is_alive else f"the loop has not advanced for {seconds:g} s"
        return response(is_alive, status=status, phase=self.phase)

    def ready(self, _accept: str = "") -> Response:
        """Respond to `/readyz`: 503 with the `problems`, if there are any."""
        problems = list(self.problems())
        partitions = {
            f"{topic}/{number}": {"position": one.position, "lag": one.lag if one.ends else None}
            for (topic, number), one in sorted(self._overview().assigned.items())
        }
        status = "not ready" if problems else "ready"
        return response(
            not problems,
            status=status,
            phase=self.phase,
            problems=problems,
            partitions=partitions,
        )

    def is_ready(self) -> bool:
        """Whether the stage does its work now; for any thread."""
        return not any(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield why the stage does not do its work now."""
        if self.phase is Phase.LOADING:
            yield "the model is being loaded"
        elif self.phase is Phase.WAITING:
            yield waits_for(self.waiting_for)
        elif self.phase is Phase.STOPPING:
            yield STOPS
        if self.phase is Phase.RUNNING and self.loop is not None:
            yield from self._problems_of(self.loop)

    def _problems_of(self, loop: Loop) -> Iterator[str]:
        overview = loop.overview()
        if (seconds := loop.seconds_since_round()) > READY_WITHIN:
            yield f"the loop has not finished a round for {seconds:g} s"
        if not loop.joined():
            yield "the group has assigned nothing to it yet"
        for topic, number in loop.unresolved():
            if (topic, number) not in overview.stalled:
                yield f"where to begin in partition {number} of '{topic}' is not known yet"
        if trouble := loop.trouble():
            yield f"results cannot be delivered: {trouble}"
        if overview.error:
            yield f"Kafka does not respond: {overview.error}"
        if stall := loop.stall():
            yield stall
        yield from overview.stalled.values()
        for topic, number in sorted(overview.assigned):
            if (seconds := overview.undecided.get((topic, number), 0.0)) > UNDECIDED_FOR:
                yield (
                    f"partition {number} of '{topic}' stands behind a transaction that has been "
                    f"open for {seconds:.0f} s: see `bearing-stream transactions list`"
                )

    def _overview(self) -> Overview:
        return Overview() if self.loop is None else self.loop.overview()


def waits_for(reason: str) -> str:
    """Return the problem of a process that waits at its start, for a reason if it is known."""
    return f"it waits for Kafka: {reason or 'no response yet'}"


def response(is_well: bool, **fields: object) -> Response:
    """Return the response to a probe: 200 or 503, and the fields as JSON."""
    return Response(200 if is_well else 503, JSON, json.dumps(fields).encode() + b"\n")
