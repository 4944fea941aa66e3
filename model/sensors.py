"""The table of assets: which sensor listens to which machine.

A TOML file of rows, the first whose pattern fits a sensor's id being the sensor's:

    [[sensor]]
    pattern = "press-7/*"          # * any text, ? any character, [ab] one of these
    baseline = "press-7.json"      # from `bearing-stream baseline`, beside the table
    nominal_rpm = 1780             # where windows do not say their speed; else the baseline's
    full_scale = 50.0              # of the sensor, in the unit of the windows

All but the pattern can be left out. The bearing's orders stand in the baseline, which is fitted to
them.
"""

import tomllib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.physics import baseline_file
from model.physics.baseline import Baseline, check_speeds
from model.physics.baseline_file import BaselineError
from model.physics.lines import SEARCH

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SensorsError(Exception):
    """The table of sensors cannot be used; the message says what to do."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pattern: Annotated[str, Field(min_length=1)]
    baseline: Path | None = None
    nominal_rpm: _Positive | None = None
    full_scale: _Positive | None = None


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sensor: list[_Row]


@dataclass(frozen=True, slots=True, eq=False)
class Asset:
    """What is known of the sensors of a pattern.

    Args:
        pattern: Of their ids, as `fnmatch.fnmatchcase` reads it.
        baseline: Of their machine, where it is known.
        full_scale: In the unit of their windows, where it is known.
    """

    pattern: str
    baseline: Baseline | None = None
    full_scale: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sensors:
    """The table, in memory.

    Args:
        assets: Its rows in their order.
        digest: Eight hex digits that change with whatever the table or its baselines say.
    """

    assets: tuple[Asset, ...]
    digest: str

    def place(self, sensor: str) -> int:
        """Return the index of the sensor's row, -1 where none fits."""
        fitting = (i for i, asset in enumerate(self.assets) if fnmatchcase(sensor, asset.pattern))
        return next(fitting, -1)


def load(path: Path | None = None) -> Sensors:
    """Read a table and the baselines that it names.

    Args:
        path: The TOML file; None is that of the CWRU rig, which ships.

    Raises:
        SensorsError: The table or a baseline cannot be read, or does not hold what it should.
    """
    if path is None:
        with as_file(files("model")) as shipped:
            return load(shipped / "rig.toml")
    try:
        rows = _Table.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).sensor
    except OSError as error:
        raise SensorsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SensorsError(f"{path}: expected a table of sensors in TOML: {error}") from error
    except ValidationError as error:
        raise SensorsError(f"{path}: {_first(error)}") from None
    assets = tuple(_asset(row, path) for row in rows)
    return Sensors(
        assets, sha256(repr([_said(asset) for asset in assets]).encode()).hexdigest()[:8]
    )


def _asset(row: _Row, table: Path) -> Asset:
    if row.baseline is None:
        return Asset(row.pattern, None, row.full_scale)
    try:
        baseline = baseline_file.load(table.parent / row.baseline)
        if row.nominal_rpm is not None:
            baseline = replace(baseline, nominal_rpm=row.nominal_rpm)
            reach = np.array([1 - SEARCH, 1 + SEARCH])
            check_speeds(row.nominal_rpm * reach, baseline.orders)
    except (BaselineError, ValueError) as error:
        raise SensorsError(f"{table}, pattern {row.pattern!r}: {error}") from error
    return Asset(row.pattern, baseline, row.full_scale)


def _said(asset: Asset) -> Any:
    """Return all that an asset says, in a form whose `repr` is the same in every process."""
    if asset.baseline is None:
        return asset.pattern, asset.full_scale
    return asset.pattern, asset.full_scale, baseline_file.to_json(asset.baseline)


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, detail['loc'])) or 'the table'}: {detail['msg']}"
