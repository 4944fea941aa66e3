"""What `--bearing` and `--orders` name: a bearing by designation, geometry, orders or frequencies.

A person copies these from a data sheet, in its units. An identity distinguishes orders from
frequencies: BPFO + BPFI is the number of rolling elements, which is whole, in orders only. BSF
follows from BPFO and BPFI but for the contact angle, which distinguishes it from twice the BSF, as
some sheets list the frequency of ball defects. Diameters in millimetres and in inches have the same
orders, so that only a mixture of both matters.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import asin, pi, sin
from pathlib import Path
from typing import Final

import click

from model.physics.bearing import BearingOrders, from_geometry
from model.physics.bearings import TOLERANCE, KnownBearing, UnknownBearingError, find

GEOMETRY: Final = 4
"""Values of a geometry: number, two diameters, angle."""

INCH: Final = 25.4
"""Millimetres."""

FEWEST, MOST = 5, 60
"""Rolling elements of a bearing with orders that are taken as such."""

_DESIGNATIONS: Final = 100
"""The lowest number that is a designation and no number of rolling elements."""

WHOLE: Final = 0.03
"""Of BPFO + BPFI: how far it may be from a whole number, since data sheets round."""

_SMALLEST_COSINE: Final = 0.5
"""Of a contact angle of 60°, beyond that of a bearing for radial loads."""

_ROUNDED: Final = 1.02
"""Most that the cosine of a contact angle is in a data sheet, which rounds."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SUFFIX: Final = re.compile(r"[A-Z0-9/-]+")
"""The rest of a designation after a space, which few names of recordings resemble."""

_UNITS: Final = {"": None, "mm": 1.0, "in": INCH, '"': INCH, "inch": INCH}


class BearingError(ValueError):
    """The options name no bearing; the message states what is wrong."""


@dataclass(frozen=True, slots=True)
class NamedBearing:
    """The bearing that the options name.

    Args:
        orders: Its orders.
        lines: How they were found, to print: what was read, and what to check.
    """

    orders: BearingOrders
    lines: tuple[str, ...]


class BearingCommand(click.Command):
    """A command whose option `--bearing` takes a designation, or the four values of a geometry."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the values of a geometry joined into one."""
        return super().parse_args(ctx, list(_joined(args)))


def _joined(args: Sequence[str]) -> Iterator[str]:
    position = 0
    while position < len(args):
        yield args[position]
        position += 1
        if args[position - 1] == "--bearing":
            values = args[position : position + GEOMETRY]
            if len(values) == GEOMETRY and _is_geometry(values):
                yield " ".join(values)
                position += GEOMETRY


def check_quoted(text: str, files: Sequence[Path]) -> None:
    """Check that no file is the rest of a designation with spaces, such as `7308 BEP`.

    Raises:
        BearingError: Files that do not exist continue the designation.
    """
    missing = [str(file) for file in files if not file.exists()]
    words = [name for name in missing if _SUFFIX.fullmatch(name)]
    for count in range(len(words), 0, -1):
        whole = " ".join([text, *words[:count]])
        with suppress(UnknownBearingError):
            find(whole)
            raise BearingError(
                f"{words[0]}: no such file; if it is of the bearing's designation, quote that: "
                f'--bearing "{whole}"'
            )


def by_name_or_geometry(text: str) -> NamedBearing:
    """Return the bearing that `--bearing` names.

    Args:
        text: A designation such as `6205-2RS`, or `N d D ANGLE`.

    Raises:
        BearingError: No bearing of the table has that name, or there is none of this geometry.
    """
    values = text.split()
    if len(values) == GEOMETRY and _is_geometry(values):
        return _by_geometry(values)
    try:
        return _known(find(text))
    except UnknownBearingError as error:
        raise BearingError(
            f"--bearing: {error}. Name its geometry instead, `--bearing N d D ANGLE` (number of "
            "rolling elements, their diameter, pitch diameter, contact angle), or its orders, "
            "`--orders BPFO BPFI BSF`"
        ) from None


def by_orders(values: Sequence[str], speeds: Sequence[float]) -> NamedBearing:
    """Return the bearing that `--orders` names.

    Args:
        values: BPFO, BPFI and BSF, in turns of the shaft or in Hz; a unit `Hz` may follow each.
        speeds: Shaft speeds in rpm that the frequencies may belong to.

    Raises:
        BearingError: They are neither.
    """
    named_hertz = [value.lower().endswith("hz") for value in values]
    if any(named_hertz) and not all(named_hertz):
        raise BearingError(f"--orders: expected Hz for all or for none, got {' '.join(values)}")
    try:
        outer, inner, spin = (float(value.lower().removesuffix("hz")) for value in values)
        shaft, read_as = _shaft(outer, inner, sorted(set(speeds)), all(named_hertz))
        spin, spin_line = _spin(outer / shaft, inner / shaft, spin / shaft)
        orders = BearingOrders(outer=outer / shaft, inner=inner / shaft, ball_spin=spin)
    except ValueError as error:
        raise BearingError(f"--orders: {error}") from None
    return NamedBearing(orders, (*read_as, *spin_line))


def _shaft(
    outer: float, inner: float, speeds: Sequence[float], hertz: bool
) -> tuple[float, tuple[str, ...]]:
    """Return the turns a second by which to divide, 1 for orders, and how the values were read."""
    if not hertz and _are_orders(outer, inner):
        return 1.0, ()
    fitting = [
        rpm / 60 for rpm in speeds if rpm > 0 and _are_orders(outer * 60 / rpm, inner * 60 / rpm)
    ]
    elements = {round((outer + inner) / shaft) for shaft in fitting}
    if len(elements) == 1:
        (number,) = elements
        # Several stretches of a steady machine fit: their speeds differ by a fraction of a percent.
        shaft = min(fitting, key=lambda shaft: abs((outer + inner) / shaft - number))
        return shaft, (
            f"Read --orders as frequencies in Hz at {shaft * 60:g} rpm: together they are "
            f"those of {number} rolling elements.",
        )
    if hertz and len(speeds) == 1:
        return speeds[0] / 60, (f"Read --orders as frequencies in Hz at {speeds[0]:g} rpm.",)
    if hertz or outer + inner > MOST:
        raise ValueError(
            "expected orders, whose BPFO and BPFI add up to the number of rolling elements, or "
            "frequencies in Hz at a shaft speed of the recordings; BPFO + BPFI is "
            f"{outer + inner:g}"
        )
    return 1.0, (
        f"Warning: BPFO {outer:g} and BPFI {inner:g} do not add up to a whole number of rolling "
        "elements that fit into a bearing: check --orders.",
    )


def _are_orders(outer: float, inner: float) -> bool:
    """Return whether they add up to a whole number of rolling elements that fit side by side."""
    both = outer + inner
    if not (0 < outer < inner and FEWEST <= both <= MOST):
        return False
    return abs(both - round(both)) <= WHOLE and both * asin((inner - outer) / both) <= pi


def _spin(outer: float, inner: float, spin: float) -> tuple[float, tuple[str, ...]]:
    """Return the BSF: half of a value that is twice what the races allow."""
    if not 0 < outer < inner:
        return spin, ()
    ratio = (inner - outer) / (inner + outer)
    cosine = spin * 2 * ratio / (1 - ratio**2)
    if 2 * _SMALLEST_COSINE * _ROUNDED < cosine <= 2 * _ROUNDED:
        return spin / 2, (
            f"Read {spin:.4g} as the frequency of ball defects, twice the spin: BSF is "
            f"{spin / 2:.4g}.",
        )
    if not _SMALLEST_COSINE <= cosine <= _ROUNDED:
        return spin, (
            f"Warning: a bearing with BPFO {outer:.4g} and BPFI {inner:.4g} has a BSF of "
            f"{(1 - ratio**2) / (2 * ratio):.4g} at a contact angle of 0°; got {spin:.4g}.",
        )
    return spin, ()


def _by_geometry(values: Sequence[str]) -> NamedBearing:
    number, *diameters, angle = values
    (elements, _), (degrees, _) = _parsed(number), _parsed(angle)
    (diameter, unit), (pitch, pitch_unit) = map(_parsed, diameters)
    if elements != round(elements):
        raise BearingError(f"--bearing: expected a whole number of rolling elements, got {number}")
    if unit and pitch_unit:
        diameter, pitch = diameter * unit, pitch * pitch_unit
    elif unit or pitch_unit:
        raise BearingError(
            "--bearing: name the unit of both diameters or of none, got "
            f"{diameters[0]} and {diameters[1]}"
        )
    try:
        orders = from_geometry(round(elements), diameter, pitch, degrees)
    except ValueError as error:
        raise BearingError(f"--bearing: {error}{_mixed(diameter, pitch)}") from None
    if elements > 1 and diameter > pitch * sin(pi / elements) * 1.001:
        raise BearingError(
            f"--bearing: {elements:g} rolling elements of {diameter:g} do not fit on a circle of "
            f"{pitch:g}{_mixed(diameter, pitch)}"
        )
    if diameter * elements < pitch / 2:
        raise BearingError(
            f"--bearing: {elements:g} rolling elements of {diameter:g} leave most of a circle of "
            f"{pitch:g} empty{_mixed(diameter, pitch)}"
        )
    return NamedBearing(orders, ())


def _mixed(diameter: float, pitch: float) -> str:
    """Return the advice where one diameter seems to be in inches and the other one is not."""
    ratios = (diameter / INCH / pitch, diameter * INCH / pitch) if pitch > 0 else ()
    if any(0.1 <= ratio <= 0.45 for ratio in ratios):
        return "; is one of the diameters in millimetres and the other one in inches?"
    return ""


def _known(bearing: KnownBearing) -> NamedBearing:
    orders = bearing.orders
    lines = [
        f"Bearing {bearing.designation}: {bearing.elements} rolling elements of "
        f"{bearing.diameter:g} mm on {bearing.pitch:g} mm, {bearing.angle:g}°: outer "
        f"{orders.outer:.4g}, inner {orders.inner:.4g}, ball spin {orders.ball_spin:.4g}. "
        f"Source: {bearing.source}.",
    ]
    if bearing.note:
        lines.append(f"Note: {bearing.note}.")
    if bearing.basis == "derived":
        lines.append(
            f"This geometry is derived, not published: its orders are good to {TOLERANCE:.0%} for "
            "that catalogue's bearing, and another maker's may have another number of rolling "
            "elements. Prefer the orders of your maker's data sheet (--orders)."
        )
    return NamedBearing(orders, tuple(lines))


def _is_geometry(values: Sequence[str]) -> bool:
    """Whether four values are those of a geometry, right or wrong, and not a name and file names.

    Every designation is above the largest number of rolling elements.
    """
    number = _NUMBER.fullmatch(values[0])
    return number is not None and float(values[0]) < _DESIGNATIONS


def _parsed(text: str) -> tuple[float, float | None]:
    match = _NUMBER.match(text)
    unit = text[match.end() :].lower().rstrip("°") if match else None
    if match is None or unit not in _UNITS:
        raise BearingError(
            "--bearing: expected N d D ANGLE, numbers of which the diameters may have the unit mm "
            f"or in, got {text!r}"
        )
    return float(match[0]), _UNITS[unit]
