"""The table of sensors: which sensor measures which machine.

It is a TOML file of rows. The first row whose pattern matches a sensor's id applies to it:

    [[sensor]]
    pattern = "press-7/*"          # * any text, ? any character, [ab] one of these
    baseline = "press-7.json"      # from `bearing-stream baseline`, in the table's folder
    nominal_rpm = 1780             # for windows without a speed; default: the baseline's
    network = true                 # the network was trained on this machine; default: false
    full_scale = 50.0              # of the sensor, in the unit of the windows

All keys but the pattern are optional. The bearing's orders are part of the baseline, which is
fitted to them.
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

from bearing_stream.config import suggestion
from model.physics import baseline_file
from model.physics.baseline import Baseline, check_speeds
from model.physics.baseline_file import BaselineError

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SensorsError(Exception):
    """The table of sensors cannot be used; the message states why."""


class _TomlRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pattern: Annotated[str, Field(min_length=1)]
    baseline: Path | None = None
    nominal_rpm: _Positive | None = None
    network: bool = False
    full_scale: _Positive | None = None


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sensor: list[_TomlRow]


@dataclass(frozen=True, slots=True, eq=False)
class SensorRow:
    """A row of the table: what is known of the sensors that match its pattern.

    Args:
        pattern: Of their ids, in the syntax of `fnmatch.fnmatchcase`.
        baseline: Of their machine; None where it is not known.
        network: Whether the network was trained on their machine.
        full_scale: In the unit of their windows; None where it is not known.
    """

    pattern: str
    baseline: Baseline | None = None
    network: bool = False
    full_scale: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sensors:
    """The table, in memory.

    Args:
        rows: In the order of the file.
        digest: Eight hex digits that change with any content of the table or its baselines.
    """

    rows: tuple[SensorRow, ...]
    digest: str

    def row_index(self, sensor: str) -> int:
        """Return the index of the first row that matches a sensor id, -1 where none does."""
        matching = (i for i, row in enumerate(self.rows) if fnmatchcase(sensor, row.pattern))
        return next(matching, -1)


def load(path: Path | None = None) -> Sensors:
    """Read a table and the baselines that it names.

    Args:
        path: The TOML file; None for that of the CWRU rig, which is part of this package.

    Raises:
        SensorsError: The table or a baseline cannot be read or is not valid.
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
    found = tuple(_sensor_row(row, path) for row in rows)
    content = repr([_content(row) for row in found])
    return Sensors(found, sha256(content.encode()).hexdigest()[:8])


def _sensor_row(row: _TomlRow, table: Path) -> SensorRow:
    if row.baseline is None:
        return SensorRow(row.pattern, None, row.network, row.full_scale)
    try:
        baseline = baseline_file.load(table.parent / row.baseline)
        if row.nominal_rpm is not None:
            baseline = replace(baseline, nominal_rpm=row.nominal_rpm)
            check_speeds(np.array([row.nominal_rpm]), baseline.orders)
    except (BaselineError, ValueError) as error:
        raise SensorsError(f"{table}, pattern {row.pattern!r}: {error}") from error
    return SensorRow(row.pattern, baseline, row.network, row.full_scale)


def _content(row: SensorRow) -> Any:
    """Return the content of a row in a form whose `repr` is the same in every process."""
    if row.baseline is None:
        return row.pattern, row.network, row.full_scale
    return row.pattern, row.network, row.full_scale, baseline_file.to_json(row.baseline)


def _first(error: ValidationError) -> str:
    """Describe an unknown key, or else the first error: a key that is missing may be misspelt."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    unknown = (detail for detail in details if detail["type"] == "extra_forbidden")
    detail = next(unknown, details[0])
    *row, name = map(str, detail["loc"] or ("the table",))
    if detail["type"] != "extra_forbidden":
        return f"{'.'.join((*row, name))}: {detail['msg']}"
    known = (_TomlRow if row else _Table).model_fields
    near = suggestion(name, known) or f"; the keys are {', '.join(known)}"
    return f"{'.'.join(row) or 'the table'}: '{name}' is no key here{near}"
