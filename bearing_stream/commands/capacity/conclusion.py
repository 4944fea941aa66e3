"""From what a window costs to the number of sensors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH

SENSOR_RATE: Final = SAMPLING_RATE / WINDOW_LENGTH
"""Windows a second of one sensor, 5.86: one after the other, without gaps."""

BUSY: Final = 0.85
"""Share of a core above which it counts as fully used."""

OTHERS_LIMIT: Final = 0.15
"""Cores that others may use during a measurement; above that, it was disturbed."""

Bound = Literal["consumer", "processor", "kafka"]


@dataclass(frozen=True, slots=True)
class BacklogRun:
    """What some consumers did with a backlog."""

    workers: int
    windows_per_second: float
    consumer_us: float
    """Microseconds of processor time of the consumers for a window."""
    kafka_us: float | None
    """The same of a local Kafka; None for a cluster elsewhere."""
    others_cores: float
    """Cores that other processes used meanwhile."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What some consumers carry while the windows arrive."""

    workers: int
    windows_per_second: float
    sensors: int
    bound: Bound
    """`consumer`: each fully uses its core. `processor`: all cores of the machine are used.
    `kafka`: neither; they wait for Kafka."""
    run: BacklogRun


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many sensors a machine carries."""

    cores: int
    write_us: float | None
    """Microseconds of a local Kafka for a window that a sensor sends; None for one elsewhere."""
    carried: tuple[Carried, ...]
    """By the number of workers, in rising order."""
    sensors_per_core: int
    """What one more core brings, with a worker more where `consumer` is the bound."""

    @property
    def best(self) -> Carried:
        """That with the most sensors; of equal ones, that with the fewest workers."""
        return max(self.carried, key=lambda one: (one.sensors, -one.workers))

    @property
    def disturbed(self) -> bool:
        """Whether others used so much of the processor that the capacity is too low."""
        return any(one.run.others_cores > OTHERS_LIMIT for one in self.carried)

    def as_json(self) -> dict[str, Any]:
        """Return all figures, and `sensors`, `workers` and `bound` of the best."""
        best = self.best
        return {
            "sensors": best.sensors,
            "workers": best.workers,
            "bound": best.bound,
            "disturbed": self.disturbed,
            "windows_per_second_of_a_sensor": round(SENSOR_RATE, 3),
            **asdict(self),
        }


def conclude(runs: Sequence[BacklogRun], write_us: float | None, cores: int) -> Capacity:
    """Return the capacity of a machine.

    A backlog was written before; live, a local Kafka writes each window too. So consumers carry
    what they did with the backlog, or what all cores together can do for windows that cost the sum
    of reading, diagnosing and writing, if that is less.

    Args:
        runs: At least one.
        write_us: Microseconds of a local Kafka for a window that is sent.
        cores: Of the machine.
    """
    carried = tuple(_carried(run, write_us, cores) for run in runs)
    best = max(carried, key=lambda one: one.sensors)
    return Capacity(cores, write_us, carried, _sensors(1e6 / _cost(best.run, write_us)))


def _carried(run: BacklogRun, write_us: float | None, cores: int) -> Carried:
    rate, bound = run.windows_per_second, _bound(run, cores)
    limit = cores * 1e6 / _cost(run, write_us)
    if limit < rate:
        rate, bound = limit, "processor"
    return Carried(run.workers, round(rate, 1), _sensors(rate), bound, run)


def _bound(run: BacklogRun, cores: int) -> Bound:
    by_consumers = run.consumer_us * run.windows_per_second / 1e6
    by_all = _cost(run, None) * run.windows_per_second / 1e6 + run.others_cores
    if by_all >= BUSY * cores:
        return "processor"
    return "consumer" if by_consumers >= BUSY * run.workers else "kafka"


def _cost(run: BacklogRun, write_us: float | None) -> float:
    """Return the microseconds for a window of everything on this machine."""
    return run.consumer_us + (run.kafka_us or 0.0) + (write_us or 0.0)


def _sensors(rate: float) -> int:
    return int(rate / SENSOR_RATE)
