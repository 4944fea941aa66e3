"""What a metric is, and a value of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Distribution(NamedTuple):
    """What a histogram has counted until a moment."""

    buckets: tuple[tuple[float, int], ...]
    """Upper bound → how many values are at most that; the last bound is infinite."""
    sum: float
    """Of all values."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that a program exports."""

    name: str
    """As Prometheus shows it; a counter's ends in `_total`."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    """What it counts or measures, and its unit."""
    action: str
    """What an operator should do about it, and when."""


class Reading(NamedTuple):
    """The value of a metric at one moment."""

    metric: Metric
    labels: tuple[str, ...]
    """The values of the metric's labels, in their order."""
    value: float | Distribution
    """A distribution if the metric is a histogram."""
