"""Which stretches of a stream are of a machine that runs, and not of one that starts or stops.

Such a machine passes through speeds at which the lines of its bearing cannot be read, and others at
which there are too few windows for a baseline. No one chose these windows, as one chooses files:
they are left out.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from bearing_stream.commands.baseline.healthy import Healthy, unflagged
from bearing_stream.commands.terminal import notice
from model.physics.baseline import MINIMUM, check_speeds, same_speed
from model.physics.bearing import BearingOrders
from model.physics.lines import speeds


def of_running(signals: Sequence[Healthy], orders: BearingOrders) -> list[Healthy]:
    """Return the signals to fit a baseline to; print how many windows are left out, and why.

    If there are too few windows at each speed, all signals are returned: none of them is the start
    or the end of another.

    Raises:
        ValueError: The lines of the bearing can be read at none of the speeds.
    """
    slowest, fastest = speeds(orders)
    readable = [signal for signal in signals if slowest <= signal.rpm <= fastest]
    if not readable:
        check_speeds(np.array([signal.rpm for signal in signals]), orders)
    _print_others(
        signals,
        readable,
        f"the lines of this bearing can be read from {slowest:.0f} to {fastest:.0f} rpm",
    )
    enough = list(_with_enough_windows(readable)) or readable
    _print_others(readable, enough, f"a baseline needs {MINIMUM} healthy windows at each speed")
    return enough


def _with_enough_windows(signals: Sequence[Healthy]) -> Iterator[Healthy]:
    for rows in same_speed(np.array([signal.rpm for signal in signals])):
        together = [signals[row] for row in rows]
        if len(unflagged(together).windows) >= MINIMUM:
            yield from together


def _print_others(signals: Sequence[Healthy], kept: Sequence[Healthy], why: str) -> None:
    others = dict.fromkeys(signals).keys() - set(kept)
    if others:
        count = sum(len(signal.windows()) for signal in others)
        slowest, fastest = (pick(signal.rpm for signal in others) for pick in (min, max))
        at = f"{slowest:g}" if slowest == fastest else f"{slowest:g} to {fastest:g}"
        notice(f"Left out: {count} window{'s' * (count != 1)} at {at} rpm; {why}.")
