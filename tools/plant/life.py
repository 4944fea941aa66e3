"""The life of a bearing: healthy, then as recorded, then replaced; the engine makes its alarms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import Observation
from bearing_stream.wire.alarm import PublishedEvent

STEP: Final = 170_667
"""µs of a window."""

START: Final = 1_700_000_000_000_000
"""Event time of the first window, µs since the epoch."""

BEFORE, RECORDED, AFTER = 540, 540, 540
"""Windows of the three phases, of 92 s each: the first is longer than the engine takes to learn the
RMS of the healthy machine (512 windows), the last than the delay until an alarm clears (60 s)."""


@dataclass(frozen=True, slots=True)
class Life:
    """What a bearing raised, as (window, event), windows counted from the first of all."""

    events: tuple[tuple[int, PublishedEvent], ...]


def live(
    engine: Engine, sensor: str, healthy: Sequence[Observation], recorded: Sequence[Observation]
) -> Life:
    """Replay a bearing into the engine: each phase repeats its windows in a circle.

    Args:
        engine: It must not know the sensor.
        sensor: Its id.
        healthy: Diagnoses of the healthy machine.
        recorded: Diagnoses of the bearing.
    """
    events = []
    for window, seen in enumerate(_phases(healthy, recorded)):
        at = seen._replace(
            offset=window,
            sensor=sensor,
            source=f"/{sensor}",
            time=START + window * STEP,
            window_id=f"{sensor}/{window:06d}",
        )
        events += [(window, output.event) for output in engine.observe(at) if output.event]
    return Life(tuple(events))


def _phases(
    healthy: Sequence[Observation], recorded: Sequence[Observation]
) -> Iterator[Observation]:
    yield from islice(cycle(healthy), BEFORE)
    yield from islice(cycle(recorded), RECORDED)
    yield from islice(cycle(healthy), AFTER)
