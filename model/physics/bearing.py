"""The orders of a bearing: how often each of its parts is struck in a revolution of the shaft."""

from dataclasses import dataclass
from math import cos, radians
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class BearingOrders:
    """Frequencies at which a bearing's faults strike, in revolutions of its shaft.

    For n rolling elements of diameter d on a pitch diameter D at contact angle a, and r = d/D·cos a
    (Randall and Antoni 2011, doi 10.1016/j.ymssp.2010.07.017, equations 1 to 4):
    outer = n/2·(1 - r), inner = n/2·(1 + r), ball_spin = D/(2d)·(1 - r²). Makers list them too.

    Args:
        outer: Rolling elements passing a point of the outer race, BPFO.
        inner: Rolling elements passing a point of the inner race, BPFI.
        ball_spin: Turns of a rolling element about itself, BSF; a damaged one strikes twice a turn.

    Raises:
        ValueError: An order is not positive, or the inner race is not passed more often.
    """

    outer: float
    inner: float
    ball_spin: float

    def __post_init__(self) -> None:
        if not 0 < self.outer < self.inner or not self.ball_spin > 0:
            raise ValueError(
                f"expected bearing orders with 0 < outer < inner and ball_spin > 0, got "
                f"outer {self.outer}, inner {self.inner}, ball_spin {self.ball_spin}"
            )


def from_geometry(
    elements: int, diameter: float, pitch_diameter: float, contact_angle: float = 0.0
) -> BearingOrders:
    """Return the orders of a bearing from its geometry.

    Args:
        elements: Rolling elements.
        diameter: Of one of them.
        pitch_diameter: Of the circle of their centres, in the same unit.
        contact_angle: Degrees.

    Raises:
        ValueError: There is no such bearing.
    """
    if not -90 < contact_angle < 90:
        raise ValueError(f"expected a contact angle below 90 degrees, got {contact_angle:g}")
    ratio = diameter / pitch_diameter * cos(radians(contact_angle)) if pitch_diameter > 0 else 0
    if elements < 1 or not 0 < ratio < 1:
        raise ValueError(
            "expected at least one rolling element, and its diameter above 0 and below the pitch "
            f"diameter, got {elements} of {diameter:g} on {pitch_diameter:g}"
        )
    return BearingOrders(
        outer=elements / 2 * (1 - ratio),
        inner=elements / 2 * (1 + ratio),
        ball_spin=pitch_diameter / (2 * diameter) * (1 - ratio**2),
    )


DRIVE_END: Final = BearingOrders(outer=3.5848, inner=5.4152, ball_spin=2.357)
"""Of the 6205-2RS at the drive end of the Case Western Reserve University rig."""
