"""One alarm from its raise to its end: a bearing of a healthy fleet fails, and is repaired."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from bearing_stream.commands.alarms import acting
from bearing_stream.commands.alarms.reading import EventReader
from bearing_stream.commands.demo.processes import Command, DemoError
from bearing_stream.commands.demo.stage import STALL_TIMEOUT, DemoTopics, await_joined
from bearing_stream.recordings.synthetic import SyntheticBearing, bearings
from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire.alarm import AlarmEvent
from bearing_stream.wire.alarm_terms import Action, AlarmKind, Transition
from producer_sim import SensorStream, Sent, SimulatorSettings, simulate
from producer_sim.streams import Form, from_bearing

SENSORS: Final = 8

SPEED: Final = 4.0
"""Measured seconds a second, so that the delays of an alarm take a quarter of their time."""

SEED: Final = 1
"""Other than that of the other synthetic sensors of the demo: it is part of the source."""

HEALTHY_SECONDS: Final = 1.0
"""Seconds before the bearing fails."""

RULES: Final = """\
# Of the demo: by default, a fault must be absent for a minute before its alarm is cleared.
[bearing-fault]
off_delay = "5s"
"""

OPERATOR: Final = "demo"

REASON: Final = "ordered a bearing"


class FailingFleet:
    """A healthy fleet of synthetic sensors, of which the first can fail and be repaired.

    Attributes:
        sensor: Id of the one that can fail.
        is_faulty: Set while its bearing has a fault of the outer race.
    """

    def __init__(self, sensors: int = SENSORS) -> None:
        """Prepare; `streams` sends."""
        every = bearings(len(FAULT_LABELS) * sensors, SEED)
        self._healthy = [each for each in every if each.condition.fault == "Normal"]
        first = self._healthy[0].condition
        self._fault = next(
            each.condition
            for each in every
            if each.condition.fault == "OuterRace" and each.condition.load == first.load
        )
        self.sensor = self._healthy[0].sensor
        self.is_faulty = threading.Event()

    def streams(self) -> list[SensorStream]:
        """Return the streams of the sensors, without their true labels."""
        first, *others = (from_bearing(each, Form(), truth=False) for each in self._healthy)
        return [replace(first, measurements=self._switched()), *others]

    def _switched(self) -> Iterator[NDArray[Any]]:
        healthy = self._healthy[0]
        faulty = SyntheticBearing(healthy.sensor, self._fault, healthy.rpm, healthy.seed)
        for number in count():
            bearing = faulty if self.is_faulty.is_set() else healthy
            yield bearing.windows(number, 1)[0]


def show(
    topics: DemoTopics,
    group: str,
    logs: Path,
    wait: Callable[[], None],
    report: Callable[[str], None],
) -> list[AlarmEvent]:
    """Let a bearing fail, acknowledge its alarm and repair it; return all events of alarms.

    Args:
        topics: The connection and the topics. A consumer diagnoses the windows.
        group: Of the stage that raises alarms.
        logs: Folder of its log and its rules.
        wait: Called between two polls; raises if the consumer has failed.
        report: Called with a line for each event.

    Raises:
        DemoError: A step did not come in time.
        FatalKafkaError: Kafka refuses.
    """
    log, rules = logs / "demo-alarms.log", logs / "demo-alarms.toml"
    rules.write_text(RULES)
    options = ("--group", group, "--start-from", "latest", "--rules", str(rules))
    fleet = FailingFleet()
    alarm_id = f"{fleet.sensor}:{AlarmKind.BEARING_FAULT}"
    with (
        Command("alarms", *options, topics=topics, log=log) as stage,
        EventReader(topics, from_end=True) as reader,
    ):
        events = _Events(reader, wait, stage.check, report)
        await_joined(topics, group, stage.check)
        with _sending(topics, fleet):
            events.wait(HEALTHY_SECONDS)
            fleet.is_faulty.set()
            events.await_event(alarm_id, Transition.RAISED)
            [row] = acting.find(topics, [alarm_id])
            command = acting.command_for(
                row, Action.ACKNOWLEDGE, OPERATOR, REASON, datetime.now(UTC)
            )
            acting.send(topics, [(command, row.partition)], STALL_TIMEOUT)
            events.await_event(alarm_id, Transition.ACKNOWLEDGED)
            fleet.is_faulty.clear()
            events.await_event(alarm_id, Transition.CLEARED)
        stage.stop()
        events.read()
    return events.found


class _Events:
    """The events of alarms, each of which is reported when it comes."""

    def __init__(
        self,
        reader: EventReader,
        wait: Callable[[], None],
        check: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        self.found: list[AlarmEvent] = []
        self._reader = reader
        self._wait = wait
        self._check = check
        self._report = report

    def read(self) -> None:
        """Take in the events that have come."""
        for event in self._reader.new():
            self.found.append(event)
            self._report(line(event))

    def wait(self, seconds: float) -> None:
        """Take in events for some seconds."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._poll()

    def await_event(self, alarm_id: str, transition: Transition) -> None:
        """Take in events until this one has come."""
        ends = time.monotonic() + STALL_TIMEOUT
        while not any((each.alarm_id, each.event) == (alarm_id, transition) for each in self.found):
            if time.monotonic() > ends:
                raise DemoError(f"{alarm_id} was not {transition} within {STALL_TIMEOUT:g} s")
            self._poll()

    def _poll(self) -> None:
        self._wait()
        self._check()
        self.read()


@contextmanager
def _sending(topics: DemoTopics, fleet: FailingFleet) -> Iterator[None]:
    """Send the windows of the fleet as they are measured, until the block ends."""
    settings = SimulatorSettings.model_validate(
        topics.model_dump(include={"bootstrap_servers", "kafka", "windows_topic"})
        | {"speed": SPEED, "run": "alarm"}
    )
    stop = threading.Event()
    sent: list[Sent] = []
    thread = threading.Thread(
        target=lambda: sent.append(simulate(settings, fleet.streams(), stop)), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if not (sent and sent[0].complete):
        raise DemoError("the windows of the failing bearing could not be sent")


def line(event: AlarmEvent) -> str:
    """Return an event as a line for the terminal."""
    what = f"{event.event:<12}  {event.severity} {event.alarm_id}"
    if event.label:
        what += f", {event.label}"
    command = event.command
    return f"{what}, by {command.by}: {command.reason}" if command else what
