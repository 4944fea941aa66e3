"""A topic, a clock and a receiver in memory."""

import threading
from collections import deque
from collections.abc import Iterable

from bearing_stream.commands.alarms.notify.loop import ReceiverLoop
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.pace import Backoff, RateLimit
from bearing_stream.commands.alarms.notify.receivers import Receiver
from bearing_stream.commands.alarms.notify.senders import Sender
from bearing_stream.commands.alarms.notify.source import Record
from bearing_stream.wire.alarm import Alarm, AlarmEvent
from tests.bearing_stream.commands.alarms.notify.examples import message, receiver


class Topic:
    """Partitions of events, and what the group has committed of each."""

    def __init__(self) -> None:
        self.records: dict[int, list[Record]] = {0: []}
        self.committed: dict[int, int] = {}

    def add(self, *events: AlarmEvent, partition: int = 0, at: float = 1000.0) -> None:
        held = self.records.setdefault(partition, [])
        for each in events:
            found = message(each)
            held.append(Record(partition, len(held), found.headers, found.value, at))


class MemorySource:
    """Reads a topic as `KafkaSource` does; time passes while it waits."""

    def __init__(self, topic: Topic, world: "World") -> None:
        self.assignment = 1
        self.owned = set(topic.records)
        self._topic = topic
        self._world = world
        self._position = {n: topic.committed.get(n, 0) for n in topic.records}
        self._done: dict[int, int] = {}

    def next(self, timeout: float) -> Record | None:
        for partition in sorted(self.owned):
            held = self._topic.records[partition]
            at = self._position.setdefault(partition, 0)
            if at < len(held):
                self._position[partition] += 1
                return held[at]
        self._world.pass_time(timeout)
        return None

    def keep(self, seconds: float) -> None:
        self._world.pass_time(seconds)

    def partitions(self) -> frozenset[int]:
        return frozenset(self.owned)

    def done(self, partition: int, offset: int) -> None:
        if partition in self.owned:
            self._done[partition] = offset + 1

    def commit(self) -> None:
        self._topic.committed |= self._done
        self._done.clear()


class MemorySender(Sender):
    """Accepts, unless an error is scripted."""

    def __init__(self, world: "World") -> None:
        self.errors: deque[Exception | None] = deque()
        self.attempts: list[tuple[float, str]] = []
        self.accepted: list[Notification] = []
        self._world = world

    def send(self, notification: Notification) -> None:
        self.attempts.append((self._world.now, notification.key))
        error = self.errors.popleft() if self.errors else None
        if error is not None:
            raise error
        self.accepted.append(notification)

    def preview(self, notification: Notification) -> str:
        return notification.key

    @property
    def keys(self) -> list[int]:
        """The numbers of the events that were accepted."""
        return [int(each.key, 16) for each in self.accepted if each.event is not None]


class World:
    """One receiver and its topic. The time is in seconds."""

    def __init__(self, text: str = 'kind = "command"\nargv = ["true"]') -> None:
        self.now = 1000.0
        self.stop_at = float("inf")
        self.topic = Topic()
        self.receiver: Receiver = receiver(text)
        self.sender = MemorySender(self)
        self.stopping = threading.Event()
        self.source: MemorySource
        self.loop: ReceiverLoop
        self.alarms: list[Alarm] = []
        self.start()

    def start(self, sender: Sender | None = None) -> None:
        """Start a new process, that knows only what is committed."""
        self.stopping.clear()
        self.stop_at = float("inf")
        self.source = MemorySource(self.topic, self)
        self.loop = ReceiverLoop(
            self.receiver,
            sender or self.sender,
            self.source,
            RateLimit(getattr(self.receiver, "per_minute", None), self.clock),
            self._table,
            self.stopping,
            lambda: Backoff(300.0, lambda: 0.0),
            self.clock,
            self.clock,
        )

    def clock(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.stop_at:
            self.stopping.set()

    def run(self, seconds: float) -> None:
        """Run the loop for a while, then stop it as SIGTERM does."""
        self.stopping.clear()
        self.stop_at = self.now + seconds
        self.loop.run()

    def steps(self, count: int) -> None:
        """Run some rounds of the loop, and leave it as SIGKILL does."""
        for _ in range(count):
            self.loop.step()

    def _table(self, partitions: frozenset[int]) -> Iterable[Alarm]:
        return self.alarms if partitions else []
