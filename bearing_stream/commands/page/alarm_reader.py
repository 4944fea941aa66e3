"""The thread that follows the topic of alarms, where there is one."""

import threading
import time
from dataclasses import dataclass
from typing import Final, Literal

from confluent_kafka import KafkaError

from bearing_stream.commands.alarms.reading import entry
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.commands.page.reader import STOP_LIMIT
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.kafka import FatalKafkaError, TopicFollower, explain

CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks whether all alarms have been read."""

RETRY_INTERVAL: Final = 10.0
"""Seconds after which a topic that refuses this user is read again."""

REREAD_INTERVAL: Final = 60.0
"""Seconds between two times that the topic is read anew for what was left out: until it has been
compacted, it may hold more on the way than in the end."""

MISSING: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the alarms."""

    state: Literal["missing", "refused", "reading", "read"]
    """Whether there is a topic, this user may read it, and all of it has been read."""
    detail: str = ""
    """Why the topic refuses."""


class AlarmThread(threading.Thread):
    """Keeps a table up to date with the committed alarms of the topic.

    A topic that does not exist, or that refuses, impedes nothing else: it is read once it can be.

    Attributes:
        table: The alarms.
        reading: What is known of them.
        topic: Name of the topic.
        unreadable: Messages so far that are no alarms.
    """

    def __init__(self, settings: PageSettings, table: AlarmTable) -> None:
        """Prepare to read; `start` begins with the first alarm of the topic."""
        super().__init__(name="alarms", daemon=True)
        self.table = table
        self.reading = Reading("reading")
        self.topic = settings.alarm_topics.alarms
        self.unreadable = 0
        self._settings = settings
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read until `stop`."""
        while not self._stopping.is_set():
            # What was read before may no longer hold.
            self.table.clear()
            try:
                with TopicFollower(self._settings, self.topic) as follower:
                    self._follow(follower)
            except FatalKafkaError as failure:
                self.table.clear()
                self.reading = self._refused(str(failure))
                self._stopping.wait(RETRY_INTERVAL)

    def stop(self) -> None:
        """Stop reading; see `STOP_LIMIT`."""
        self._stopping.set()
        self.join(STOP_LIMIT)

    def status(self) -> dict[str, object]:
        """Return what is known of the alarms, for people to read."""
        return {
            "topic": self.topic,
            "state": self.reading.state,
            "detail": self.reading.detail,
            "cut": self.table.is_cut,
            "unreadable": self.unreadable,
        }

    def _follow(self, follower: TopicFollower) -> None:
        """Read until `stop`, or until alarms that were left out can be read anew."""
        began = time.monotonic()
        checked = began - CHECK_INTERVAL
        while not self._stopping.is_set():
            for message in follower.read():
                try:
                    alarm_id, row = entry(message)
                except ValueError:
                    self.unreadable += 1
                    continue
                if row is None:
                    self.table.remove(alarm_id)
                else:
                    self.table.put(row)
            if time.monotonic() - checked >= CHECK_INTERVAL:
                checked = time.monotonic()
                self.reading = self._checked(follower)
                if self.table.can_reread and checked - began >= REREAD_INTERVAL:
                    self.reading = Reading("reading")
                    return

    def _refused(self, why: str) -> Reading:
        return Reading("refused", f"topic '{self.topic}': {why}")

    def _checked(self, follower: TopicFollower) -> Reading:
        error = follower.topic_error
        if error is not None:
            if error.code() in MISSING:
                return Reading("missing")
            return self._refused(explain(error))
        if self.reading.state == "read" or follower.lag() == 0:
            return Reading("read")
        return Reading("reading")
