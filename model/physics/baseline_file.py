"""A baseline as a file: JSON that people can read."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.physics.baseline import MINIMUM, PARTS, Baseline, check_speeds
from model.physics.bearing import BearingOrders
from model.physics.gate import SHAPE_BANDS
from model.physics.lines import SEARCH

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_OfParts = Field(min_length=len(PARTS), max_length=len(PARTS))
_OfBands = Field(min_length=SHAPE_BANDS, max_length=SHAPE_BANDS)


class BaselineError(Exception):
    """A file holds no baseline; the message states why."""


class _File(BaseModel):
    """The content of a file; names and meaning are those of `Baseline`."""

    model_config = ConfigDict(extra="forbid")

    orders: BearingOrders
    nominal_rpm: _Positive
    lines: Annotated[list[_Finite], _OfParts]
    line_deviations: Annotated[list[_Positive], _OfParts]
    searched: Annotated[list[_Finite], _OfParts]
    searched_deviations: Annotated[list[_Positive], _OfParts]
    shape: Annotated[list[_Finite], _OfBands]
    shape_deviations: Annotated[list[_Positive], _OfBands]
    windows: Annotated[int, Field(ge=MINIMUM)]


def to_json(baseline: Baseline) -> str:
    """Return a baseline as JSON: the same text for equal numbers, which `load` reads exactly."""
    content = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(baseline).items()
    }
    return _File.model_validate(content).model_dump_json(indent=2) + "\n"


def load(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        BaselineError: There is no such file, or it is not a baseline.
    """
    try:
        content = _File.model_validate_json(path.read_bytes())
        reach = np.array([1 - SEARCH, 1, 1 + SEARCH])
        check_speeds(content.nominal_rpm * reach, content.orders)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, detail["loc"])) or "the file"
        raise BaselineError(
            f"{path}: expected a baseline as `bearing-stream baseline` writes it; "
            f"{where}: {detail['msg']}"
        ) from None
    except ValueError as error:
        raise BaselineError(f"{path}: {error}") from error
    return Baseline(
        orders=content.orders,
        nominal_rpm=content.nominal_rpm,
        lines=np.array(content.lines),
        line_deviations=np.array(content.line_deviations),
        searched=np.array(content.searched),
        searched_deviations=np.array(content.searched_deviations),
        shape=np.array(content.shape),
        shape_deviations=np.array(content.shape_deviations),
        windows=content.windows,
    )
