"""A baseline as a file: JSON that people can read."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.physics.baseline import MINIMUM, Baseline, BaselinePoint, check_speeds
from model.physics.bearing import BearingOrders
from model.physics.gate import SHAPE_BANDS
from model.physics.lines import PARTS

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Natural logarithms of power: nothing measured comes near.
_Height = Annotated[float, Field(ge=-1000, le=1000)]
_Deviation = Annotated[float, Field(gt=0, le=1000)]
_OfParts = Field(min_length=len(PARTS), max_length=len(PARTS))
_OfBands = Field(min_length=SHAPE_BANDS, max_length=SHAPE_BANDS)

_EARLIER: Final = "searched"
"""A key of the baselines of earlier versions, whose lines were measured in another way."""


class BaselineError(Exception):
    """A file holds no baseline; the message states why."""


class _Point(BaseModel):
    """A point; names and meaning are those of `BaselinePoint`."""

    model_config = ConfigDict(extra="forbid")

    rpm: _Positive
    slowest: _Positive | None = None
    fastest: _Positive | None = None
    windows: Annotated[int, Field(ge=MINIMUM)]
    seconds: _Positive
    lines: Annotated[list[_Height], _OfParts]
    line_deviations: Annotated[list[_Deviation], _OfParts]
    shape: Annotated[list[_Height], _OfBands]
    shape_deviations: Annotated[list[_Deviation], _OfBands]


class _File(BaseModel):
    """The content of a file; names and meaning are those of `Baseline`."""

    model_config = ConfigDict(extra="forbid")

    orders: BearingOrders
    nominal_rpm: _Positive | None = None
    points: Annotated[list[_Point], Field(min_length=1)]


def to_json(baseline: Baseline) -> str:
    """Return a baseline as JSON: the same text for equal numbers, which `load` reads exactly."""
    content = {
        "orders": asdict(baseline.orders),
        "nominal_rpm": baseline.nominal_rpm,
        "points": [_plain(point) for point in baseline.points],
    }
    return _File.model_validate(content).model_dump_json(indent=2, exclude_none=True) + "\n"


def load(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        BaselineError: There is no such file, or it is not a baseline of this version.
    """
    try:
        text = path.read_bytes()
        content = _File.model_validate_json(text)
        for point in content.points:
            if not (point.slowest or point.rpm) <= point.rpm <= (point.fastest or point.rpm):
                raise ValueError(
                    f"expected rpm from slowest to fastest, got {point.rpm:g}, {point.slowest} and "
                    f"{point.fastest}"
                )
        speeds = [point.rpm for point in content.points]
        check_speeds(np.array([*speeds, content.nominal_rpm or speeds[0]]), content.orders)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BaselineError(f"{path}: {_reason(error)}") from None
    except ValueError as error:
        raise BaselineError(f"{path}: {error}") from error
    points = sorted(content.points, key=lambda point: point.rpm)
    return Baseline(content.orders, tuple(map(_point, points)), content.nominal_rpm)


def _plain(point: BaselinePoint) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(point).items()
    }


def _point(stored: _Point) -> BaselinePoint:
    return BaselinePoint(
        rpm=stored.rpm,
        slowest=stored.slowest or stored.rpm,
        fastest=stored.fastest or stored.rpm,
        lines=np.array(stored.lines),
        line_deviations=np.array(stored.line_deviations),
        shape=np.array(stored.shape),
        shape_deviations=np.array(stored.shape_deviations),
        windows=stored.windows,
        seconds=stored.seconds,
    )


def _reason(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    if (_EARLIER,) in (detail["loc"] for detail in details):
        return (
            "a baseline of an earlier version, which measured lines in another way: fit it again "
            "to the same recordings with `bearing-stream baseline`"
        )
    where = ".".join(map(str, details[0]["loc"])) or "the file"
    return (
        f"expected a baseline as `bearing-stream baseline` writes it; {where}: {details[0]['msg']}"
    )
