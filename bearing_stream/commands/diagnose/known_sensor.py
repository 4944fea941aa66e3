"""Why a recording has no physical evidence: of its sensor, or of its speed."""

from model.physics.baseline import Baseline
from model.physics.lines import speeds
from model.sensors import Sensors


def baseline_of(table: Sensors, sensor: str) -> Baseline | None:
    """Return the baseline of a sensor's machine; None if the table has none."""
    index = table.row_index(sensor)
    return table.rows[index].baseline if index >= 0 else None


def why_no_evidence(baseline: Baseline | None, sensor: str, rpm: float | None) -> str:
    """Return what is missing or wrong, and what to do.

    Args:
        baseline: Of the sensor's machine; None if the table has none.
        sensor: Its id.
        rpm: The shaft speed of the recording; None if it is not known.
    """
    if baseline is None:
        return (
            f"there is no physical evidence for sensor '{sensor}', so the network alone decides: "
            "name a sensor that has a baseline in the table of sensors (--sensor, --sensor-table)"
        )
    slowest, fastest = speeds(baseline.orders, baseline.reading)
    if rpm is not None and not slowest <= rpm <= fastest:
        return (
            f"the shaft speed, {rpm:g} rpm, has no lines that can be read, so the network alone "
            f"decides: with this baseline lines are read from {slowest:.0f} to {fastest:.0f} rpm"
        )
    return f"the lines of the bearing of sensor '{sensor}' cannot be read"
