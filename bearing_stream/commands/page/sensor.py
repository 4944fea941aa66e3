"""The state of one sensor, from its diagnoses."""

from collections import deque
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bearing_stream.commands.page.history import VALUES, History, values_of
from bearing_stream.commands.page.rollup import TOTAL
from bearing_stream.commands.page.states import LETTERS, Condition, condition, rank
from bearing_stream.wire import Diagnosis

INTERVALS: Final = 5
"""Latest intervals of a sensor, whose median is its own."""

RECENT: Final = 32
"""Measurements in a row's sparkline and strip of states."""

LEVELS: Final = 64
"""Levels of a sparkline: a character each, from `0` on."""

_RMS: Final = VALUES.index("rms")


class SensorKey(NamedTuple):
    """What identifies a sensor: the same id may occur in two sources, and have several channels."""

    source: str
    sensor: str
    channel: str | None = None


class Row(Struct, frozen=True, omit_defaults=True):
    """A sensor as a browser lists it."""

    id: int
    """Of the sensor while this process runs."""
    source: str
    sensor: str
    machine: str
    """One of `states.MACHINE_STATES`."""
    hint: str
    """What the diagnosis names: of use where the state of the machine is uncertain."""
    rank: int
    """From `states.rank`."""
    since: float
    """Time of the first measurement of those, without a break, whose diagnosis names the same;
    seconds since the epoch. One that is uncertain in between is no break."""
    probability: float
    decided_by: str
    """`physics` or `network`."""
    seen: float
    """Time of the latest diagnosis, seconds since the epoch."""
    measured: float
    """Time of the latest measurement, seconds since the epoch."""
    strip: str
    """Letters of `states.LETTERS`, of the newest measurements, the oldest first."""
    spark: str = ""
    """RMS of the same, as `sparkline` writes them."""
    channel: str | None = None
    since_at_least: bool = False
    """Whether the state may be older: the page has not seen the sensor in another one."""
    flags: tuple[str, ...] = ()
    silent: bool = False
    interval: float | None = None
    """Median time between measurements in seconds."""


class Standing(NamedTuple):
    """What of a sensor a person must see at once when it changes, and what its groups count."""

    rank: int
    machine: str
    instrument: tuple[str, ...]

    @property
    def counted(self) -> tuple[str, ...]:
        """The keys under which its groups count it."""
        return (TOTAL, self.machine, *self.instrument)


class Sensor:
    """The state of one sensor.

    Attributes:
        id: Of the sensor while this process runs.
        key: What identifies it in the topic.
        history: Its measurements.
        diagnosis: Its latest one.
        seen: When that was published, seconds since the epoch.
        silent: Whether it has been silent for too long.
        interval: Median time between its latest measurements in seconds; None before the second.
    """

    __slots__ = (
        *("diagnosis", "history", "id", "interval", "key", "seen", "silent"),
        *("_condition", "_gaps", "_measured", "_since", "_since_at_least"),
    )

    def __init__(self, number: int, key: SensorKey, history: History) -> None:
        self.id = number
        self.key = key
        self.history = history
        self.seen = self._measured = self._since = 0.0
        self.diagnosis: Diagnosis | None = None
        self.interval: float | None = None
        self.silent = False
        self._condition: Condition
        self._gaps: deque[float] = deque(maxlen=INTERVALS)
        self._since_at_least = True

    def add(self, diagnosis: Diagnosis, seen: float) -> None:
        """Take in its next diagnosis; the arguments are those of `Fleet.add`."""
        found, measured = condition(diagnosis), diagnosis.measured_at.timestamp()
        if self.diagnosis is None:
            self._since = measured
        else:
            if measured > self._measured:
                self._gaps.append(measured - self._measured)
                self.interval = sorted(self._gaps)[len(self._gaps) // 2]
            if found.hint != self._condition.hint:
                self._since, self._since_at_least = measured, False
        self.diagnosis, self.seen, self.silent = diagnosis, seen, False
        self._condition, self._measured = found, measured
        self.history.add(measured, found.code, values_of(diagnosis))

    def standing(self) -> Standing:
        """Its state, after the first `add`."""
        found = self._condition
        instrument = (*(["silent"] if self.silent else []), *found.flags)
        return Standing(rank(found, self.silent), found.machine, instrument)

    def row(self) -> Row:
        """Return it as a browser lists it, after the first `add`."""
        assert self.diagnosis is not None
        codes, values = self.history.recent(RECENT)
        found, evidence = self._condition, self.diagnosis.evidence
        return Row(
            id=self.id,
            source=self.key.source,
            sensor=self.key.sensor,
            channel=self.key.channel,
            machine=found.machine,
            hint=found.hint,
            rank=rank(found, self.silent),
            since=self._since,
            since_at_least=self._since_at_least,
            probability=self.diagnosis.probability,
            decided_by=evidence.decided_by if evidence else "network",
            flags=found.flags,
            silent=self.silent,
            seen=self.seen,
            measured=self._measured,
            interval=self.interval,
            strip="".join(LETTERS[code] for code in codes),
            spark=sparkline(values[:, _RMS]),
        )


def sparkline(values: NDArray[np.float32]) -> str:
    """Return values (n,) as n characters, from the least, `0`, to the largest, `o`.

    What is not finite becomes a space, and equal values are in the middle; empty where all are not
    finite.
    """
    present = np.isfinite(values)
    if not present.any():
        return ""
    low, high = float(values[present].min()), float(values[present].max())
    shares = np.full(len(values), 0.5)
    if high > low:
        shares[present] = (values[present].astype(np.float64) - low) / (high - low)
    codes = np.where(present, ord("0") + np.rint(shares * (LEVELS - 1)), ord(" "))
    return codes.astype(np.uint8).tobytes().decode("ascii")
