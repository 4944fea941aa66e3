"""The signals of files that hold named variables: MATLAB, HDF5 and NumPy's `.npz`."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bearing_stream.recordings.formats.arrays import HEAD, Part, parts
from bearing_stream.recordings.formats.content import Content, Options, Rate, Samples, Signal
from bearing_stream.recordings.formats.names import (
    TIME_UNITS,
    is_time_name,
    name_and_unit,
    stated_rate,
    unit_of,
)
from bearing_stream.recordings.formats.time_axis import (
    TimeAxis,
    grows,
    is_counter,
    seconds_per_unit,
    time_axis,
)

_SHORTEST: Final = 64
"""Arrays of fewer numbers are facts about a recording and no signals."""

_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """An array of a tree of variables.

    Args:
        path: Its place: `bearing.gs`, `runs[0]`, `Y[6].Data`.
        array: An array, or one that is read from the file when it is sliced or converted.
        aliases: Other ways to write the path.
        label: The name that the file gives it in a text next to it.
        unit: The unit that the file gives it in a text or an attribute.
        windows: Its rows are windows, as the type of the column shows.
    """

    path: str
    array: Any
    aliases: tuple[str, ...] = ()
    label: str = ""
    unit: str = ""
    windows: bool = False

    @property
    def kind(self) -> str:
        """The kind of its type: `f`, `i`, `u` for real numbers."""
        return str(self.array.dtype.kind)

    @property
    def size(self) -> int:
        """The number of its values."""
        return int(np.prod(self.array.shape, dtype=np.int64))

    @property
    def parent(self) -> str:
        """The path of the structure that holds it; empty at the top."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        """Its path without indices."""
        return _INDEX.sub("", self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The variables of a file.

    Args:
        path: The file.
        format: Its format, for a person.
        leaves: Every array of numbers.
        texts: Texts by path: units, names, rates written as text.
        unreadable: Variables of other kinds, described.
        word: What a variable is called in this format.
    """

    path: Path
    format: str
    leaves: list[Leaf] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    word: str = "variable"


def content_of(tree: Tree, options: Options) -> Content:
    """The signals of a tree; time axes and sampling rates are found among its variables.

    Raises:
        RecordingError: A variable has a shape that cannot be understood, and no other is a signal.
    """
    rates = _rates(tree)
    numbers = [leaf for leaf in tree.leaves if leaf.kind in "iuf" and leaf.size > 1]
    arrays = [leaf for leaf in numbers if leaf.size >= _SHORTEST] or numbers
    divided: list[tuple[Leaf, list[Part]]] = []
    unreadable = [_described(leaf) for leaf in tree.leaves if leaf.kind not in "iufb"]
    for leaf in arrays:
        if sum(size > 1 for size in leaf.array.shape) > (3 if options.windows_as_rows else 2):
            unreadable.append(_described(leaf))
        else:
            divided.append(
                (leaf, parts(leaf.array, options.windows_as_rows or leaf.windows, str(tree.path)))
            )
    axes = [
        _Axis(leaf, part)
        for leaf, divisions in divided
        for part in divisions
        if _is_time(leaf, part, len(divisions))
    ]
    signals = [
        _signal(tree, leaf, part, rates, axes) for leaf, divisions in divided for part in divisions
    ]
    return Content(
        format=tree.format,
        signals=tuple(_numbered(signals)),
        unreadable=(*unreadable, *tree.unreadable),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    leaf: Leaf
    part: Part

    def read(self, tree: Tree) -> TimeAxis | None:
        """Its rate; None if it only counts the samples."""
        times = self.part.take(np.asarray(self.leaf.array)).astype(np.float64)
        unit = TIME_UNITS.get(_unit(tree, self.leaf))
        if unit is None and is_counter(times):
            return None
        title = f"{tree.word} {_name(self.leaf, self.part)}"
        return time_axis(times * seconds_per_unit(times[0], unit), title)


def _is_time(leaf: Leaf, part: Part, divisions: int) -> bool:
    if part.is_time:
        return True
    if divisions > 1 or not (is_time_name(leaf.label) or is_time_name(leaf.name.split("[")[0])):
        return False
    head = np.asarray(leaf.array[tuple(slice(0, HEAD) for _ in leaf.array.shape)])
    return grows(head.reshape(-1).astype(np.float64))


def _signal(
    tree: Tree, leaf: Leaf, part: Part, rates: list[tuple[str, Rate]], axes: list[_Axis]
) -> Signal:
    own = [axis for axis in axes if axis.leaf is leaf and axis.part is part]
    name = _name(leaf, part)

    def read() -> Samples:
        values = part.take(np.asarray(leaf.array))
        stated = [rate for scope, rate in _nearest(rates, leaf)]
        axis = _axis_of(leaf, part, axes)
        read_axis = axis.read(tree) if axis else None
        if read_axis is None:
            return Samples(values, tuple(stated))
        return Samples(
            values, (*stated, read_axis.rate), read_axis.starts, warnings=read_axis.warnings
        )

    aliases = tuple(a if part.number is None else f"{a}[{part.number}]" for a in leaf.aliases)
    if part.number is not None:
        aliases += tuple(f"{path}.{part.number}" for path in (leaf.path, *leaf.aliases))
    label = f" '{leaf.label}'" if leaf.label and not leaf.path.endswith(leaf.label) else ""
    return Signal(
        title=f"{tree.word} {name}{label}",
        name=name,
        number=0,
        read=read,
        group=leaf.group,
        aliases=(*aliases, *([leaf.label] if leaf.label else [])),
        unit=unit_of(_unit(tree, leaf)),
        size=part.size,
        is_time=bool(own),
    )


def _name(leaf: Leaf, part: Part) -> str:
    if part.number is None:
        return leaf.path
    return f"{leaf.path}[{part.number}]" if leaf.path else str(part.number)


def _unit(tree: Tree, leaf: Leaf) -> str:
    """The unit in an attribute, in a text next to the variable, or in its label."""
    if leaf.unit:
        return leaf.unit.strip().casefold()
    prefix = f"{leaf.parent}." if leaf.parent else ""
    for name in (f"{leaf.name}_unit", f"{leaf.name}_units", f"{leaf.name}Unit", "unit", "units"):
        for written in (name, name.capitalize()):
            if text := tree.texts.get(prefix + written):
                return text.strip().casefold()
    return name_and_unit(leaf.label)[1]


def _rates(tree: Tree) -> list[tuple[str, Rate]]:
    """The sampling rates that single numbers and texts state, with the structure they are in."""
    found = []
    for leaf in tree.leaves:
        if leaf.size == 1 and leaf.kind in "iuf":
            value = float(np.asarray(np.asarray(leaf.array)).reshape(-1)[0])
            hz = stated_rate(leaf.name, value, leaf.unit)
            if hz is not None:
                found.append((leaf.parent, Rate(hz, f"variable {leaf.path}")))
    for path, text in tree.texts.items():
        number, _, unit = text.strip().partition(" ")
        scope, _, name = path.rpartition(".")
        try:
            hz = stated_rate(name, float(number), unit)
        except ValueError:
            continue
        if hz is not None:
            found.append((scope, Rate(hz, f"variable {path}")))
    return found


def _nearest(rates: list[tuple[str, Rate]], leaf: Leaf) -> list[tuple[str, Rate]]:
    """The rates in the innermost structure around a variable that states any.

    A number that is named after the variable, such as `acc_fs`, is not searched for.
    """
    scope = leaf.path
    while True:
        if found := [each for each in rates if each[0] == scope]:
            return found
        if not scope:
            return []
        scope = scope.rpartition(".")[0]


def _axis_of(leaf: Leaf, part: Part, axes: list[_Axis]) -> _Axis | None:
    """The time axis of a signal: in its own matrix, or of its length and nearest in the tree."""
    length = part.size
    candidates = [axis for axis in axes if axis.part.size == length and axis.part is not part]
    own = [axis for axis in candidates if axis.leaf is leaf]
    if own or not candidates:
        return own[0] if own else None
    return max(candidates, key=lambda axis: _common(axis.leaf.path, leaf.path))


def _common(one: str, other: str) -> int:
    """The number of names at the beginning that two paths share."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), 99)


def _numbered(signals: Sequence[Signal]) -> Iterable[Signal]:
    """Number the signals in each variable, or all long ones if no variable holds several."""
    longest = max((signal.size or 0 for signal in signals), default=0)
    long = [signal for signal in signals if 2 * (signal.size or 0) >= longest]
    several = any(count > 1 for count in Counter(signal.group for signal in long).values())
    seen: Counter[str] = Counter()
    for signal in signals:
        alone = signal in long and not several
        key = "" if alone else signal.group
        yield replace(signal, number=seen[key])
        seen[key] += not (alone and signal.is_time)


def _described(leaf: Leaf) -> str:
    shape = "x".join(str(size) for size in leaf.array.shape)
    return f"{leaf.path or 'the array'} ({leaf.array.dtype}, {shape})"
