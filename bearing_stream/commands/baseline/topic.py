"""Healthy windows of one sensor out of the windows topic.

They are read with committed isolation, in no group. A stretch is what has one speed and lies within
ten minutes, as a recording does in files, so that a stretch that disagrees can be named.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray

from bearing_stream.commands.baseline.healthy import Healthy
from bearing_stream.commands.baseline.settings import BaselineSettings
from bearing_stream.commands.terminal import notice
from bearing_stream.kafka import Spans, TopicReader, wait_for_topics
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import Rejection, decode_window, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.window import WindowAttributes

STRETCH: Final = timedelta(minutes=10)
"""Most that a stretch lasts."""

STEADY: Final = 0.02
"""Relative difference of speeds in a stretch."""

MOST_WINDOWS: Final = 20_000
"""Read at most: an hour of windows end to end, 160 MB."""

_NAMED: Final = 5


@dataclass(slots=True)
class _Stretch:
    began: datetime
    speeds: list[float]
    windows: list[NDArray[np.float32]] = field(default_factory=list)

    def holds(self, moment: datetime, rpm: float) -> bool:
        steady = abs(rpm / self.speeds[0] - 1) <= STEADY
        return steady and timedelta(0) <= moment - self.began < STRETCH


def of_topic(settings: BaselineSettings, sensor: str, rpm: Sequence[float]) -> list[Healthy]:
    """Return the signals of a sensor between two times, a stretch each.

    Args:
        settings: The topic and the times.
        sensor: Id of the sensor.
        rpm: A speed for windows that state none; empty if there is none.

    Raises:
        click.ClickException: There are no windows of the sensor, or they have no speed.
        FatalKafkaError: The topic cannot be read.
    """
    if len(rpm) > 1:
        raise click.UsageError("--rpm: expected one speed, for windows that state none")
    properties = settings.client_properties()
    topic = settings.windows_topic
    wait_for_topics(properties, [topic], settings.startup_timeout, notice)
    stretches: list[_Stretch] = []
    seen: Counter[str] = Counter()
    with TopicReader(properties, topic) as reader:
        spans = reader.between(reader.spans(), settings.since, settings.until)
        for number, (attributes, samples) in enumerate(
            _windows(reader, spans, sensor, seen), start=1
        ):
            speed = attributes.shaft_speed or next(iter(rpm), None)
            if speed is None:
                raise click.ClickException(
                    f"windows of '{sensor}' state no shaft speed (ce_shaftspeed): add --rpm"
                )
            _add(stretches, attributes.time, speed, samples)
            if number == MOST_WINDOWS:
                notice(
                    f"Read the first {MOST_WINDOWS} windows; narrow --since and --until for others."
                )
                break
    if not stretches:
        raise click.ClickException(_nothing(topic, sensor, seen))
    return [_signal(sensor, stretch) for stretch in stretches]


def _windows(
    reader: TopicReader, spans: Spans, sensor: str, seen: Counter[str]
) -> Iterator[tuple[WindowAttributes, NDArray[np.float32]]]:
    """Yield the windows of a sensor; count in `seen` those of each."""
    for message in reader.read(spans):
        headers = readable_headers(message) or []
        subject = next((value for name, value in headers if name == h.SUBJECT), None)
        name = (subject or b"").decode("utf-8", "replace")
        seen[name] += 1
        if name != sensor:
            continue
        samples = np.empty(WINDOW_LENGTH, np.float32)
        try:
            yield decode_window(headers, message.value(), samples), samples
        except Rejection:
            # A dead letter to the consumer, and no part of a baseline.
            seen["(rejected)"] += 1


def _add(
    stretches: list[_Stretch], moment: datetime, rpm: float, samples: NDArray[np.float32]
) -> None:
    stretch = next((each for each in reversed(stretches) if each.holds(moment, rpm)), None)
    if stretch is None:
        stretch = _Stretch(moment, [])
        stretches.append(stretch)
    stretch.speeds.append(rpm)
    stretch.windows.append(samples)


def _signal(sensor: str, stretch: _Stretch) -> Healthy:
    rpm = float(np.median(stretch.speeds))
    began = stretch.began.isoformat(timespec="seconds")
    return Healthy(f"{sensor} from {began} at {rpm:g} rpm", sensor, rpm, tuple(stretch.windows))


def _nothing(topic: str, sensor: str, seen: Counter[str]) -> str:
    rejected = seen.pop("(rejected)", 0)
    if rejected:
        return (
            f"all {rejected} windows of '{sensor}' in '{topic}' are ones that the consumer rejects"
        )
    if not seen:
        return f"'{topic}' holds no windows between --since and --until"
    others = ", ".join(f"'{name}'" for name, _ in seen.most_common(_NAMED))
    return f"'{topic}' holds no windows of '{sensor}' in that time, but of {others}"
