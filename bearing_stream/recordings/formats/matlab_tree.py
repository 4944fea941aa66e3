"""The variables of a MATLAB file of version 4 to 7.2, or of a NumPy `.npz`, as a tree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.formats.content import Content, Options
from bearing_stream.recordings.formats.libraries import reading
from bearing_stream.recordings.formats.variables import Leaf, Tree, content_of
from bearing_stream.recordings.matlab import read_matlab

_DEPTH = 20
"""Structures in structures beyond this are not read: a damaged file may hold itself."""


def read_mat(path: Path, options: Options) -> Content:
    """Read a MATLAB file with SciPy: matrices, structures, arrays of structures, and cells.

    Raises:
        RecordingError: The file is truncated or damaged, or of version 7.3.
    """
    tree = Tree(path, "MATLAB")
    for name, value in read_matlab(path).items():
        _add(tree, name, (), value, 0)
    return content_of(tree, options)


def read_npz(path: Path, options: Options) -> Content:
    """Read the arrays of a NumPy archive; pickled objects are never loaded.

    Raises:
        RecordingError: The file is truncated or damaged.
    """
    tree = Tree(path, "NumPy archive")
    with reading(".npz", path), np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            _add_member(tree, archive, name)
    return content_of(tree, options)


def _add_member(tree: Tree, archive: Any, name: str) -> None:
    try:
        value = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        tree.unreadable.append(f"{name} (pickled objects)")
        return
    if isinstance(value, np.ndarray):
        _add(tree, name, (), value, 0)


def _add(tree: Tree, path: str, aliases: tuple[str, ...], value: Any, depth: int) -> None:
    """Add a variable, and everything that it holds."""
    if hasattr(value, "toarray"):
        # A sparse matrix in a structure or a cell.
        value = value.toarray()
    if not isinstance(value, np.ndarray) or depth > _DEPTH or value.size == 0:
        return
    if value.dtype.kind in "US":
        tree.texts[path] = "".join(map(str, value.reshape(-1)[:1]))
    elif type(value).__name__ in ("MatlabOpaque", "MatlabFunction"):
        tree.unreadable.append(f"{path} (a MATLAB object)")
    elif value.dtype.names:
        _add_structures(tree, path, aliases, value, depth)
    elif value.dtype.kind == "O":
        for inner, names, cell in _indexed(path, aliases, value):
            _add(tree, inner, names, cell, depth + 1)
    else:
        tree.leaves.append(Leaf(path, value, aliases, label=_label(tree, path)))


def _add_structures(
    tree: Tree, path: str, aliases: tuple[str, ...], value: NDArray[Any], depth: int
) -> None:
    """Add the fields of a structure, of an array of them, or of a structured NumPy array."""
    names = sorted(value.dtype.names or (), key=lambda name: value.dtype[name].kind == "O")
    if any(value.dtype[name].kind != "O" for name in names):
        for name in names:
            _add(tree, f"{path}.{name}", (), value[name], depth + 1)
        return
    for inner, others, structure in _indexed(path, aliases, value):
        fields = {name: structure[name] for name in value.dtype.names or ()}
        # Texts first: the name and the unit of the numbers next to them.
        for name, part in sorted(fields.items(), key=lambda item: not _is_text(item[1])):
            _add(tree, f"{inner}.{name}", tuple(f"{o}.{name}" for o in others), part, depth + 1)


def _indexed(
    path: str, aliases: tuple[str, ...], value: NDArray[Any]
) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Yield the elements of a cell array or an array of structures, with their paths.

    The index counts from 0, `runs[0]`; MATLAB's own ways, `runs{1}` and `runs(1)`, are aliases.
    """
    flat = value.reshape(-1, order="F")
    if flat.size == 1:
        alias = (f"{path}[0]",) if not value.dtype.names else ()
        yield path, (*aliases, *alias, f"{path}{{1}}", f"{path}(1)"), flat[0]
        return
    for index, element in enumerate(flat):
        yield (
            f"{path}[{index}]",
            (f"{path}.{index}", f"{path}{{{index + 1}}}", f"{path}({index + 1})"),
            element,
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "US"


def _label(tree: Tree, path: str) -> str:
    """The text `Name` in the structure that holds a variable, as Paderborn's files have it."""
    scope = path.rpartition(".")[0]
    names = (f"{scope}.{name}" for name in ("Name", "name", "Label", "label"))
    return next((tree.texts[name] for name in names if scope and name in tree.texts), "")
