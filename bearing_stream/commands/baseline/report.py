"""What `bearing-stream baseline` prints."""

import json
from collections.abc import Sequence
from glob import escape
from pathlib import Path

import numpy as np

from bearing_stream.commands.baseline.healthy import Healthy, HealthyWindows
from bearing_stream.commands.baseline.holdout import held_out
from model.physics.baseline import Baseline, BaselinePoint
from model.physics.bearing import BearingOrders

_NAMED = 6
"""Recordings that are named, of more."""


def holdout_line(signals: Sequence[Healthy], orders: BearingOrders, share: float) -> str:
    """Return a sentence on the windows held out."""
    try:
        found = held_out(signals, orders, share)
    except ValueError as error:
        return f"Nothing was held out to count false flags: {error}"
    return (
        f"Held out, the last {share:.0%} of each recording: {found.faulty} of {found.windows} "
        f"healthy windows called faulty ({found.faulty / found.windows:.1%}), {found.uncertain} "
        "uncertain"
    )


def _point_line(point: BaselinePoint) -> str:
    return (
        f"    at {_range(point.slowest, point.fastest)}: {point.seconds:.1f} s, its deviations are "
        f"good to {point.uncertainty:.0%}"
    )


def _range(slowest: float, fastest: float) -> str:
    return f"{slowest:g} rpm" if slowest == fastest else f"{slowest:g} to {fastest:g} rpm"


def summary(
    fitted: Baseline,
    signals: Sequence[Healthy],
    healthy: HealthyWindows,
    out: Path,
    sensor: str | None,
    holdout: str,
) -> str:
    """Return the result and the row for the table of sensors."""
    bearing = fitted.orders
    names = [signal.id for signal in signals[:_NAMED]]
    more = len(signals) - len(names)
    pattern = json.dumps(escape(sensor or signals[0].sensor), ensure_ascii=False)
    lines = [
        f"{out}: fitted to {fitted.windows} healthy windows of {', '.join(names)}"
        f"{f' and {more} more' if more else ''} at "
        f"{_range(float(healthy.rpm.min()), float(healthy.rpm.max()))}",
        *map(_point_line, fitted.points),
        *([f"left out, with signal flags: {healthy.excluded}"] if healthy.excluded else []),
        *([holdout] if holdout else []),
        "Paste this into your table of sensors, in the same folder, and use it as --sensor-table:",
        "",
        "[[sensor]]",
        f"pattern = {pattern}  # "
        + ("the id of the sensor" if sensor else "the file's name: replace by your sensor's id"),
        f"baseline = {json.dumps(out.name, ensure_ascii=False)}  # outer {bearing.outer:g}, "
        f"inner {bearing.inner:g}, ball spin {bearing.ball_spin:g}",
        f"# nominal_rpm = {np.median(healthy.rpm):g}  # for windows without a shaft speed",
        "# full_scale = 50.0  # range of the sensor, in the unit of its windows",
    ]
    return "\n".join(lines)
