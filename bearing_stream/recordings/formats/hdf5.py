"""The data sets of an HDF5 file, which a MATLAB file of version 7.3 is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.formats.content import Content, Options
from bearing_stream.recordings.formats.libraries import needs, reading
from bearing_stream.recordings.formats.variables import Leaf, Tree, content_of

_DEPTH = 20
"""Groups in groups beyond this are not read: links may form a ring."""

_MOST_CELLS = 10_000
"""Cells of an array beyond this are not listed."""


def read_hdf5(path: Path, options: Options) -> Content:
    """Read data sets, groups as structures, and MATLAB's cells, which are references.

    h5py reads them: it loads only the data set that is chosen. The file stays open until then.

    Raises:
        RecordingError: h5py is not installed, or the file is truncated or damaged.
    """
    with needs("MATLAB 7.3 and HDF5", path):
        import h5py
    with reading("MATLAB 7.3 or HDF5", path):
        file = h5py.File(path, "r")
        matlab = any("MATLAB_class" in item.attrs for item in file.values() if item is not None)
        reader = _Reader(Tree(path, "MATLAB 7.3" if matlab else "HDF5"), h5py, file)
        reader.add_group("", (), file, 0)
    return content_of(reader.tree, options)


@dataclass(frozen=True, slots=True, eq=False)
class _DataSet:
    """A data set that is read when it is sliced; MATLAB stores the dimensions reversed."""

    item: Any
    transposed: bool
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        """As the program that wrote it shows it."""
        shape: tuple[int, ...] = self.item.shape
        return shape[::-1] if self.transposed else shape

    @property
    def dtype(self) -> Any:
        """The type of its values."""
        return self.item.dtype

    def __getitem__(self, index: Any) -> Any:
        with reading("MATLAB 7.3 or HDF5", self.path):
            return self.item[index[::-1]].T if self.transposed else self.item[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[()])


class _Reader:
    """Adds what an open file holds to a tree."""

    def __init__(self, tree: Tree, h5py: Any, file: Any) -> None:
        self.tree = tree
        self._h5py = h5py
        self._file = file

    def add_group(self, path: str, aliases: tuple[str, ...], group: Any, depth: int) -> None:
        """Add a structure: texts first, since they name the numbers next to them."""
        self._add_numbers(path, group)
        items = [(name, item) for name, item in group.items() if not name.startswith("#")]
        for name, item in sorted(items, key=lambda pair: not _is_text(pair[1])):
            if item is not None:
                inner = f"{path}.{name}" if path else name
                self._add(inner, tuple(f"{each}.{name}" for each in aliases), item, depth)

    def _add(self, path: str, aliases: tuple[str, ...], item: Any, depth: int) -> None:
        if depth > _DEPTH:
            return
        kind = _text(item.attrs.get("MATLAB_class", b""))
        if "MATLAB_sparse" in item.attrs:
            self.tree.unreadable.append(f"{path} (a sparse matrix)")
        elif "MATLAB_object_decode" in item.attrs or kind in ("table", "timetable", "datetime"):
            self.tree.unreadable.append(f"{path} (a MATLAB {kind or 'object'})")
        elif isinstance(item, self._h5py.Group):
            self.add_group(path, aliases, item, depth + 1)
        elif item.shape is None or "MATLAB_empty" in item.attrs:
            return
        elif item.dtype == self._h5py.ref_dtype:
            self._add_cells(path, item, depth)
        elif kind == "char" or item.dtype.kind in "SU" or self._h5py.check_string_dtype(item.dtype):
            self.tree.texts[path] = _characters(item)
        else:
            self._add_leaf(path, aliases, item, transposed=bool(kind))

    def _add_cells(self, path: str, item: Any, depth: int) -> None:
        # MATLAB stores dimensions the other way round, so that C order is MATLAB's own order here.
        references = np.asarray(item[()]).reshape(-1)[:_MOST_CELLS]
        for index, reference in enumerate(references):
            if reference:
                inner = path if len(references) == 1 else f"{path}[{index}]"
                others = (f"{path}{{{index + 1}}}", f"{path}({index + 1})", f"{path}.{index}")
                self._add(inner, others, self._file[reference], depth + 1)

    def _add_leaf(self, path: str, aliases: tuple[str, ...], item: Any, transposed: bool) -> None:
        scope = path.rpartition(".")[0]
        names = (f"{scope}.{name}" for name in ("Name", "name", "Label", "label"))
        label = next((self.tree.texts[name] for name in names if name in self.tree.texts), "")
        unit = _text(item.attrs.get("units", item.attrs.get("unit", b"")))
        array = _DataSet(item, transposed, self.tree.path)
        self.tree.leaves.append(Leaf(path, array, aliases, label, unit))
        self._add_numbers(path, item)

    def _add_numbers(self, path: str, item: Any) -> None:
        """Add numbers in attributes, such as `fs`, like numbers next to the data sets."""
        for name, value in item.attrs.items():
            if np.size(value) == 1 and np.asarray(value).dtype.kind in "iuf":
                inner = f"{path}.{name}" if path else name
                self.tree.leaves.append(Leaf(inner, np.asarray(value)))


def _is_text(item: Any) -> bool:
    return item is not None and _text(item.attrs.get("MATLAB_class", b"")) == "char"


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _characters(item: Any) -> str:
    """The text of a data set: characters as numbers, as MATLAB stores them, or strings."""
    values = np.asarray(item[()]).reshape(-1)
    if values.dtype.kind in "iu":
        return "".join(chr(int(code)) for code in values[:1000])
    return _text(values[0]) if values.size else ""
