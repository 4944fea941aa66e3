"""Server-sent events: each browser gets what it lacks, a few times a second.

The events are `reset`, with all that there is, and `update`, with what has changed since the event
before; both have the fields of `Update` and of `AlarmUpdate`, and `status`. The id of an event is
that of this process and a version, so that a browser that connects again goes on where it was.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from fastapi.sse import format_sse_event

from bearing_stream.commands.page.alarm_reader import AlarmThread
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.reader import DiagnosisThread

TICK: Final = 0.25
"""Seconds between two events."""

MOST: Final = 400
"""Sensors in an event. So a browser gets at most 1,600 rows a second, some 0.6 MB."""

RETRY: Final = 1000
"""Milliseconds after which a browser connects again."""

MAX_STREAMS: Final = 200
"""Browsers that are connected at a time."""

_JSON: Final = msgspec.json.Encoder()


class TooManyStreamsError(Exception):
    """No further browser is served."""


class Stream:
    """Publishes the changes of a fleet and its alarms to browsers, which get the same bytes.

    Attributes:
        ticked_at: Monotonic time of the latest event.
        browsers: How many are connected.
    """

    def __init__(
        self, fleet: Fleet, thread: DiagnosisThread, alarms: AlarmThread, topic: str
    ) -> None:
        """Prepare; `run` publishes."""
        self.ticked_at = time.monotonic()
        self.browsers = 0
        self._fleet = fleet
        self._thread = thread
        self._alarms = alarms
        self._topic = topic
        self._process = uuid.uuid4().hex[:8]
        self._version = 0
        self._closed = False
        self._tick = asyncio.Event()
        self._encoded: dict[int, bytes] = {}

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            started = time.monotonic()
            self.publish()
            await asyncio.sleep(max(0.0, TICK - (time.monotonic() - started)))

    def publish(self) -> None:
        """Begin the next version, and wake the browsers that wait for it."""
        before = self._version
        fleet, alarms = self._fleet.publish(MOST), self._alarms.table.publish()
        # Both count their versions here alone, and so have the same one.
        self._version = fleet.version
        # What a browser with the version before lacks; the others are rare, and encoded on demand.
        update = {**fleet._asdict(), **alarms._asdict()}
        self._encoded = {before: self._event("update", update)} if self.browsers else {}
        self.ticked_at = time.monotonic()
        self._wake()

    def close(self) -> None:
        """End the events of all browsers."""
        self._closed = True
        self._wake()

    async def events(self, last_id: str = "") -> AsyncIterator[bytes]:
        """Yield events until `close`.

        Args:
            last_id: Of the last event that the browser has.

        Raises:
            TooManyStreamsError: There are `MAX_STREAMS` browsers.
        """
        if self.browsers >= MAX_STREAMS:
            raise TooManyStreamsError
        self.browsers += 1
        try:
            version = self._version_of(last_id)
            yield format_sse_event(retry=RETRY)
            while not self._closed:
                tick = self._tick
                if version != self._version or version == 0:
                    event, sent = self._lacking(version), self._version
                    yield event
                    version = sent
                    if version != self._version:
                        continue
                await tick.wait()
        finally:
            self.browsers -= 1

    def status(self) -> dict[str, Any]:
        """Return how up to date the fleet is, for people to read."""
        progress = self._thread.progress
        return {
            "now": time.time(),
            "topic": self._topic,
            "sensors": len(self._fleet),
            "dropped": self._fleet.dropped,
            "left_out": self._fleet.left_out,
            "kafka": progress.kafka,
            "lag": progress.lag,
            "behind": progress.behind,
            "undecided": progress.undecided,
            "rebuilt": progress.rebuilt,
            "current": progress.is_current,
            "received": progress.received,
            "unreadable": progress.unreadable,
            "latest": progress.latest,
            "alarms": self._alarms.status(),
        }

    def everything(self) -> dict[str, Any]:
        """Return all that is published, with the fields of `Update` and of `AlarmUpdate`."""
        update = self._since(0)
        assert update is not None
        return update

    def _wake(self) -> None:
        tick, self._tick = self._tick, asyncio.Event()
        tick.set()

    def _version_of(self, last_id: str) -> int:
        process, _, version = last_id.partition("-")
        return int(version) if process == self._process and version.isdecimal() else 0

    def _lacking(self, version: int) -> bytes:
        """Return the event for a browser that has a version; one for all that have the same."""
        if version not in self._encoded:
            update = self._since(version)
            if version == 0 or update is None:
                self._encoded[version] = self._event("reset", self.everything())
            else:
                self._encoded[version] = self._event("update", update)
        return self._encoded[version]

    def _since(self, version: int) -> dict[str, Any] | None:
        fleet, alarms = self._fleet.since(version), self._alarms.table.since(version)
        if fleet is None or alarms is None:
            return None
        return {**fleet._asdict(), **alarms._asdict()}

    def _event(self, name: str, update: dict[str, Any]) -> bytes:
        data = _JSON.encode({**update, "status": self.status()}).decode()
        event_id = f"{self._process}-{update['version']}"
        return format_sse_event(data_str=data, event=name, id=event_id)
