"""What the notifier reports of itself over HTTP: metrics and health."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import NamedTuple

from bearing_stream.commands.alarms.notify import listed
from bearing_stream.commands.alarms.notify.loop import ReceiverLoop
from bearing_stream.observability import Reading, Response
from consumer.endpoint_settings import EndpointSettings
from consumer.telemetry.health import STOPS, Phase, response, waits_for
from consumer.telemetry.serving import serving_at


class Watched(NamedTuple):
    """One receiver, of which any thread may ask.

    Args:
        loop: Its loop.
        joined: Whether its group has assigned it its partitions, which may be none.
        seconds_since_poll: How long ago it has polled Kafka; meanwhile it attempts to send.
    """

    loop: ReceiverLoop
    joined: Callable[[], bool]
    seconds_since_poll: Callable[[], float]


class NotifyTelemetry:
    """Metrics and health; the service sets the attributes.

    Attributes:
        phase: Where the process is between its start and its end.
        waiting_for: For what it waits at its start.
        receivers: Name → what serves it, once the process runs.
    """

    def __init__(self, attempt_limit: float, unreachable: Callable[[], str] = str) -> None:
        """Begin to wait for Kafka.

        Args:
            attempt_limit: Seconds after which an attempt to send hangs.
            unreachable: Returns why Kafka cannot be reached now; empty if it can.
        """
        self.phase = Phase.WAITING
        self.waiting_for = ""
        self.receivers: dict[str, Watched] = {}
        self._limit = attempt_limit
        self._unreachable = unreachable

    def serving(self, settings: EndpointSettings) -> AbstractContextManager[None]:
        """Serve it while a block lasts, if the settings name a port.

        Raises:
            EndpointError: The address cannot be used.
        """
        if settings.metrics_port is None:
            return nullcontext()
        # Imported here because it needs the extra `metrics`.
        from bearing_stream.observability.prometheus import Exposition

        routes: dict[str, Callable[[str], Response]] = {
            "/metrics": Exposition(listed.NOTIFY_METRICS, self.readings).scrape,
            "/livez": self.live,
            "/readyz": self.ready,
        }
        return serving_at((settings.metrics_host, settings.metrics_port), routes)

    def readings(self) -> Iterator[Reading]:
        """Yield the value of every metric now."""
        yield Reading(listed.INFO, (version("bearing-stream"),), 1)
        for name, (loop, *_) in dict(self.receivers).items():
            counts = loop.counts
            yield Reading(listed.MESSAGES, (name, "accepted"), counts["accepted"])
            yield Reading(listed.MESSAGES, (name, "refused"), counts["refused"])
            yield Reading(listed.FAILED_ATTEMPTS, (name,), counts["attempts"])
            yield Reading(listed.EVENTS, (name, "omitted"), counts["omitted"])
            yield Reading(listed.EVENTS, (name, "summarised"), counts["summarised"])
            yield Reading(listed.EVENTS, (name, "unreadable"), counts["unreadable"])
            yield Reading(listed.LAG, (name,), loop.lag)

    def live(self, _accept: str = "") -> Response:
        """Respond to `/livez`: 503 if an attempt to send hangs."""
        hanging = [
            f"an attempt to send to '{name}' has taken {seconds:g} s"
            for name, each in dict(self.receivers).items()
            if self.phase is Phase.RUNNING and (seconds := each.seconds_since_poll()) > self._limit
        ]
        return response(not hanging, status="; ".join(hanging) or "alive", phase=self.phase)

    def ready(self, _accept: str = "") -> Response:
        """Respond to `/readyz`: 503 with the `problems`, if there are any.

        A receiver that is down is none: a restart would not help it, nor another version wait for
        it. `lag` has its seconds.
        """
        problems = list(self.problems())
        return response(
            not problems,
            status="not ready" if problems else "ready",
            phase=self.phase,
            problems=problems,
            lag={name: each.loop.lag for name, each in dict(self.receivers).items()},
        )

    def problems(self) -> Iterator[str]:
        """Yield why the process does not do its work now."""
        if self.phase is Phase.WAITING:
            yield waits_for(self.waiting_for)
        elif self.phase is Phase.STOPPING:
            yield STOPS
        else:
            if why := self._unreachable():
                yield f"Kafka cannot be reached: {why}"
            for name, each in dict(self.receivers).items():
                if not each.joined():
                    yield f"the group has assigned nothing to the receiver '{name}' yet"
