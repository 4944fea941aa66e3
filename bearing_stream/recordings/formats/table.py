"""Read a table of text: CSV and everything like it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.arrays import Part, parts
from bearing_stream.recordings.formats.cells import number, seconds, split
from bearing_stream.recordings.formats.content import Content, Options, Samples, Signal
from bearing_stream.recordings.formats.dialect import Layout
from bearing_stream.recordings.formats.heading import rates_above
from bearing_stream.recordings.formats.layout import find_layout
from bearing_stream.recordings.formats.names import (
    TIME_UNITS,
    bare_unit,
    is_counter_name,
    is_time_name,
    name_and_unit,
    unit_of,
)
from bearing_stream.recordings.formats.rows import read_columns
from bearing_stream.recordings.formats.text import TextFile, open_text
from bearing_stream.recordings.formats.time_axis import (
    TimeAxis,
    grows,
    is_counter,
    is_even_ramp,
    seconds_per_unit,
    time_axis,
)

_CHANNELS: Final = 64
"""With more columns of numbers than this, the rows are windows."""


def read_table(path: Path, options: Options) -> Content:
    """Read a table of text with any delimiter, decimal mark, heading and encoding.

    NumPy reads the numbers (`numpy.loadtxt`), only those of the chosen column and its time axis.

    Raises:
        RecordingError: It is no text, or has no columns of numbers.
    """
    text = open_text(path)
    lines = text.head()
    layout = find_layout(lines, path, options.decimal)
    table = _Table(text, layout, lines[layout.first :], options.decimal)
    numeric = [index for index, kind in enumerate(layout.kinds) if kind == "number"]
    wide = len(numeric) > _CHANNELS or (options.windows_as_rows and len(numeric) > 1)
    signals = table.of_rows(options, numeric) if wide else table.of_columns(numeric)
    if not signals:
        raise RecordingError(f"{path}: the file has a heading and no samples")
    return Content(
        format=f"text with {layout.described()}",
        signals=tuple(signals),
        encoding=text.encoding_name,
        unreadable=tuple(
            f"column {index} of text" for index, kind in enumerate(layout.kinds) if kind == "text"
        ),
    )


class _Table:
    """A table whose layout is known."""

    def __init__(
        self, text: TextFile, layout: Layout, head: Sequence[str], decimal: str | None
    ) -> None:
        self._text = text
        self._layout = layout
        self._decimal = decimal
        self._rates = tuple(rates_above(layout.above, layout.notation))
        cells = (split(line, layout.delimiter) for line in head if line.strip())
        self._head = [row for row in cells if len(row) == layout.width]

    def of_columns(self, numeric: Sequence[int]) -> list[Signal]:
        """Each column of numbers or times as a signal or a time axis."""
        times = [i for i, kind in enumerate(self._layout.kinds) if kind == "time"]
        columns = sorted([*numeric, *times])
        axes = [column for column in columns if self._is_axis(column)]
        return [
            Signal(
                title=self._title(column),
                name=self._layout.names[column],
                number=column,
                read=partial(self._read, column, axes),
                unit=unit_of(self._unit(column)),
                is_time=column in axes,
            )
            for column in columns
        ]

    def of_rows(self, options: Options, numeric: Sequence[int]) -> list[Signal]:
        """The rows of a wide table as windows, or as channels if there are few."""
        names = self._layout.names
        labels = _LABELS if any(names) else frozenset()
        columns = [index for index in numeric if names[index].casefold() not in labels]
        values, warnings = read_columns(self._text, self._layout, columns, {}, self._decimal)
        return [
            Signal(
                title="the rows" if part.number is None else f"row {part.number}",
                name="",
                number=part.number or 0,
                read=partial(self._rows, part, values, warnings),
                size=part.size,
                is_time=part.is_time,
            )
            for part in parts(values, options.windows_as_rows, str(self._text.path))
        ]

    def _rows(self, part: Part, values: NDArray[Any], warnings: Sequence[str]) -> Samples:
        return Samples(part.take(values), self._rates, warnings=tuple(warnings))

    def _read(self, column: int, axes: Sequence[int]) -> Samples:
        axis = max((a for a in axes if a < column), default=next(iter(axes), None))
        columns = [column] if axis is None else [column, axis]
        converters = {index: seconds for index in columns if self._layout.kinds[index] == "time"}
        values, warnings = read_columns(
            self._text, self._layout, columns, converters, self._decimal
        )
        samples, lost = _without_ends(values[:, 0])
        if lost:
            warnings.append(lost)
        if axis is None:
            return Samples(samples, self._rates, warnings=tuple(warnings))
        first = int(np.flatnonzero(~np.isnan(values[:, 0]))[:1].sum()) if lost else 0
        found = self._axis(axis, values[first : first + samples.size, 1])
        samples = np.ascontiguousarray(samples)
        if found is None:
            return Samples(samples, self._rates, warnings=tuple(warnings))
        return Samples(
            samples, (found.rate, *self._rates), found.starts, (*warnings, *found.warnings)
        )

    def _axis(self, column: int, times: NDArray[np.float64]) -> TimeAxis | None:
        """The rate of a time axis; None of a counter."""
        unit = TIME_UNITS.get(self._unit(column))
        clock = self._layout.kinds[column] == "time"
        if unit is None and not clock and is_counter(times[:1000]):
            return None
        scale = 1.0 if clock else seconds_per_unit(times[0], unit)
        return time_axis(times if scale == 1 else times * scale, self._title(column))

    def _is_axis(self, column: int) -> bool:
        name, kind = self._layout.names[column], self._layout.kinds[column]
        if kind == "time":
            return True
        head = self._numbers(column)
        unit = self._unit(column)
        if is_time_name(name) and (unit in TIME_UNITS or (not unit and grows(head))):
            return True
        if is_counter_name(name) and is_counter(head):
            return True
        return is_even_ramp(head) and not unit_of(unit)

    def _numbers(self, column: int) -> NDArray[np.float64]:
        values = []
        for row in self._head[:1000]:
            try:
                values.append(number(row[column], self._layout.notation))
            except ValueError:
                continue
        return np.array(values)

    def _unit(self, column: int) -> str:
        """The unit of a column as the file writes it, in lower case; from its own row first."""
        written = bare_unit(self._layout.units[column])
        name = self._layout.names[column]
        if not written and unit_of(name) in ("g", "m/s2"):
            return name.strip().casefold()
        return written or name_and_unit(name)[1]

    def _title(self, column: int) -> str:
        name = self._layout.names[column]
        return f"column {column} {name!r}" if name else f"column {column}"


_LABELS: Final = frozenset({"label", "labels", "class", "target", "fault", "y", "id", "index", ""})
"""Columns of a table of windows that are no samples; an empty name is that of row numbers."""


def _without_ends(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Leave out missing values at the beginning and the end: a column shorter than the others."""
    if not (values.size and (np.isnan(values[0]) or np.isnan(values[-1]))):
        return values, ""
    there = np.flatnonzero(~np.isnan(values))
    if not there.size:
        return values, ""
    first, last = int(there[0]), int(there[-1]) + 1
    return values[first:last], (
        f"{first} missing values at the beginning and {values.size - last} at the end are left out"
    )
