"""A fault of the suite, and how often it is injected."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tools.chaos.base import BaseTrial, Order
from tools.chaos.clusters import Site
from tools.chaos.trial import Trial

ONCE: Final[tuple[Guarantee, ...]] = ("exactly-once",)
BOTH: Final[tuple[Guarantee, ...]] = (*ONCE, "at-least-once")

AT_LEAST_ONCE_DIVISOR: Final = 4
"""With at-least-once, faults are injected a fourth as often: it makes fewer promises."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and how often the whole suite injects it."""

    name: str
    inject: Callable[[Any], None]
    """Takes the trial."""
    times: int
    seconds: float
    """Approximate seconds of one injection."""
    windows: int = 0
    """Minimum number of windows in the whole suite."""
    site: Site = Site.ONE
    guarantees: tuple[Guarantee, ...] = BOTH
    trial: Callable[[LocalKafka, Order], BaseTrial] = Trial
    """Of which stage it is."""

    def part(self, share: float) -> "Fault":
        """Return the same fault, injected once and this share of the other times."""
        times = 1 + int((self.times - 1) * share)
        return replace(self, times=times, windows=round(self.windows * share))

    def under(self, guarantee: Guarantee) -> "Fault":
        """Return the same fault, as often as a guarantee requires: at least twice, if it can be."""
        if guarantee == "exactly-once":
            return self
        fewer = max(self.times // AT_LEAST_ONCE_DIVISOR, min(self.times, 2))
        return replace(self, times=fewer, windows=self.windows // AT_LEAST_ONCE_DIVISOR)
