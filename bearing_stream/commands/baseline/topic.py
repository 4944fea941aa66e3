"""Healthy measurements of one sensor out of the windows topic.

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
from bearing_stream.sampling import resample
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import (
    MeasurementLimits,
    Rejection,
    decode_measurement,
    readable_headers,
)
from bearing_stream.wire import headers as h

STRETCH: Final = timedelta(minutes=10)
"""Most that a stretch lasts."""

STEADY: Final = 0.02
"""Relative difference of speeds in a stretch."""

MOST_SAMPLES: Final = 20_000 * WINDOW_LENGTH
"""Kept at most, at 12 kHz: an hour of windows end to end, 160 MB."""

_NAMED: Final = 5


@dataclass(slots=True)
class _Stretch:
    began: datetime
    speeds: list[float]
    parts: list[NDArray[np.float32]] = field(default_factory=list)

    def holds(self, moment: datetime, rpm: float) -> bool:
        steady = abs(rpm / self.speeds[0] - 1) <= STEADY
        return steady and timedelta(0) <= moment - self.began < STRETCH


@dataclass(slots=True)
class _Seen:
    """What was read: messages of each sensor, and the last rejection of the one asked for."""

    sensors: Counter[str] = field(default_factory=Counter)
    rejection: Rejection | None = None


def of_topic(settings: BaselineSettings, sensor: str, rpm: Sequence[float]) -> list[Healthy]:
    """Return the signals of a sensor between two times, a stretch each.

    Args:
        settings: The topic, the times, and the limits of a measurement.
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
    seen = _Seen()
    kept = 0
    with TopicReader(properties, topic) as reader:
        spans = reader.between(reader.spans(), settings.since, settings.until)
        for moment, stated, samples in _measurements(reader, spans, sensor, settings, seen):
            speed = stated or next(iter(rpm), None)
            if speed is None:
                raise click.ClickException(
                    f"windows of '{sensor}' state no shaft speed (ce_shaftspeed): add --rpm"
                )
            _add(stretches, moment, speed, samples)
            kept += len(samples)
            if kept >= MOST_SAMPLES:
                notice(
                    f"Read the first {kept // WINDOW_LENGTH} windows; narrow --since and --until "
                    "for others."
                )
                break
    if not stretches:
        raise click.ClickException(_nothing(topic, sensor, seen))
    return [_signal(sensor, stretch) for stretch in stretches]


def _measurements(
    reader: TopicReader, spans: Spans, sensor: str, limits: MeasurementLimits, seen: _Seen
) -> Iterator[tuple[datetime, float | None, NDArray[np.float32]]]:
    """Yield of a sensor's measurements the time, the speed and the samples at 12 kHz."""
    for message in reader.read(spans):
        headers = readable_headers(message) or []
        subject = next((value for name, value in headers if name == h.SUBJECT), None)
        name = (subject or b"").decode("utf-8", "replace")
        seen.sensors[name] += 1
        if name != sensor:
            continue
        try:
            attributes, samples = decode_measurement(headers, message.value(), limits)
        except Rejection as rejection:
            # A dead letter to the consumer, and no part of a baseline.
            seen.rejection = rejection
            continue
        # A copy: the samples may be a view of the message.
        resampled = resample(samples, attributes.sampling_rate).astype(np.float32)
        yield attributes.time, attributes.shaft_speed, resampled


def _add(
    stretches: list[_Stretch], moment: datetime, rpm: float, samples: NDArray[np.float32]
) -> None:
    stretch = next((each for each in reversed(stretches) if each.holds(moment, rpm)), None)
    if stretch is None:
        stretch = _Stretch(moment, [])
        stretches.append(stretch)
    stretch.speeds.append(rpm)
    stretch.parts.append(samples)


def _signal(sensor: str, stretch: _Stretch) -> Healthy:
    rpm = float(np.median(stretch.speeds))
    began = stretch.began.isoformat(timespec="seconds")
    return Healthy(f"{sensor} from {began}", sensor, rpm, tuple(stretch.parts))


def _nothing(topic: str, sensor: str, seen: _Seen) -> str:
    if seen.rejection:
        return (
            f"the consumer rejects all {seen.sensors[sensor]} windows of '{sensor}' in '{topic}': "
            f"{seen.rejection}"
        )
    if not seen.sensors:
        return f"'{topic}' holds no windows between --since and --until"
    others = ", ".join(f"'{name}'" for name, _ in seen.sensors.most_common(_NAMED))
    return f"'{topic}' holds no windows of '{sensor}' in that time, but of {others}"
