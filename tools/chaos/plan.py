"""Which trials are left, and how often each injects its fault in the time that is left."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from bearing_stream.commands.verify.report import Guarantee
from tools.chaos.clusters import Site
from tools.chaos.fault import Fault

OVERHEAD: Final = 12.0
"""Approximate seconds of a trial before its first fault and after its last."""

RESERVE: Final = 0.05
"""Share of the time that is not planned: for the start of the clusters, and the last trial."""

PATIENCE: Final = 2.0
"""Times its estimated duration that a trial may take."""


class Plan:
    """The trials of a run, site after site; on a slow machine the later ones inject less.

    Attributes:
        left: Faults and guarantees that are still to be tried, in order.
    """

    def __init__(
        self,
        faults: Iterable[Fault],
        minutes: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan all of it, or what `minutes` permit from now on."""
        chosen = list(faults)
        self.left: deque[tuple[Fault, Guarantee]] = deque(
            (fault, guarantee)
            for site in Site
            for fault in chosen
            if fault.site is site
            for guarantee in fault.guarantees
        )
        self._clock = clock
        self._began = clock()
        self._estimated = 0.0
        self._ends = None if minutes is None else self._began + minutes * 60 * (1 - RESERVE)

    def has_time(self) -> bool:
        """Whether another trial may begin."""
        return self._ends is None or self._clock() < self._ends

    def take(self) -> tuple[Fault, Guarantee]:
        """Return the next fault, as often as the time permits and at least once."""
        share = self._share()
        fault, guarantee = self.left.popleft()
        due = fault.under(guarantee).part(share)
        self._estimated += OVERHEAD + due.seconds * due.times
        return due, guarantee

    def end_of(self, fault: Fault) -> float:
        """Return when a trial that begins now must inject nothing more."""
        if self._ends is None:
            return math.inf
        return min(self._clock() + PATIENCE * fault.seconds * fault.times, self._ends)

    def _share(self) -> float:
        """Return the part, from 0 to 1, of what is left beyond one injection each that fits."""
        if self._ends is None:
            return 1.0
        now = self._clock()
        # How much longer than estimated it has taken so far.
        slowness = max((now - self._began) / self._estimated, 1.0) if self._estimated else 1.0
        once = sum(OVERHEAD + fault.seconds for fault, _ in self.left)
        more = sum(fault.seconds * (fault.under(one).times - 1) for fault, one in self.left)
        return min(max(((self._ends - now) / slowness - once) / max(more, 1.0), 0.0), 1.0)
