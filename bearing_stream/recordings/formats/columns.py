"""Read Parquet and TDMS files: columns of numbers with their own metadata."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.content import Content, Options
from bearing_stream.recordings.formats.libraries import needs, reading
from bearing_stream.recordings.formats.variables import Leaf, Tree, content_of


@dataclass(frozen=True, slots=True, eq=False)
class _Lazy:
    """An array that is read when it is sliced."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]

    def __getitem__(self, index: Any) -> Any:
        return self.read()[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.read()


def read_parquet(path: Path, options: Options) -> Content:
    """Read the columns of a Parquet file with pyarrow; only the chosen one is loaded whole.

    Times become seconds, missing values NaN, and lists of equal length windows as rows.

    Raises:
        RecordingError: pyarrow is not installed, or the file is truncated or damaged.
    """
    with needs("Parquet", path):
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    tree = Tree(path, "Parquet", word="column")
    with reading("Parquet", path):
        file = pyarrow.parquet.ParquetFile(path)
        rows = file.metadata.num_rows
        for index, field in enumerate(file.schema_arrow):
            kind = _numpy_type(pyarrow, field.type)
            if kind is None:
                tree.unreadable.append(f"{field.name} ({field.type})")
                continue
            read = _column_reader(pyarrow, file, index, field.type, path)
            width = _list_length(pyarrow, read, field.type, rows)
            shape = (rows,) if width is None else (rows, width)
            metadata = _metadata(field.metadata)
            unit = metadata.get("unit", metadata.get("units", ""))
            array = _Lazy(shape, kind, read)
            tree.leaves.append(Leaf(field.name, array, unit=unit, windows=width is not None))
        tree.texts.update(_metadata(file.schema_arrow.metadata))
    return content_of(tree, options)


def read_tdms(path: Path, options: Options) -> Content:
    """Read the channels of a LabVIEW TDMS file with npTDMS; only the chosen one is loaded.

    Raises:
        RecordingError: npTDMS is not installed, or the file is truncated or damaged.
    """
    with needs("TDMS", path):
        import nptdms
    # Its warnings about an early end are ours below.
    logging.getLogger("nptdms").setLevel(logging.ERROR)
    tree = Tree(path, "TDMS", word="channel")
    with _opened(nptdms, path) as file:
        _add_properties(tree, "", file.properties)
        for group in file.groups():
            _add_properties(tree, "", group.properties)
            for channel in group.channels():
                _add_channel(tree, nptdms, group.name, channel)
        incomplete = file.file_status.incomplete_final_segment
    content = content_of(tree, options)
    if incomplete:
        return replace(content, warnings=("the file ends early: it is read as far as it goes",))
    return content


@contextmanager
def _opened(nptdms: Any, path: Path) -> Iterator[Any]:
    with reading("TDMS", path), path.open("rb") as stream:
        yield nptdms.TdmsFile.open(stream)


def _add_channel(tree: Tree, nptdms: Any, group: str, channel: Any) -> None:
    name, kind = f"{group}/{channel.name}", np.dtype(channel.dtype)
    if kind.kind not in "iufM":
        tree.unreadable.append(f"{name} ({kind})")
        return

    def read() -> NDArray[Any]:
        with _opened(nptdms, tree.path) as file:
            return _in_seconds(np.asarray(file[group][channel.name][:]))

    unit = channel.properties.get("unit_string", channel.properties.get("NI_UnitDescription", ""))
    array = _Lazy((len(channel),), np.dtype(np.float64) if kind.kind == "M" else kind, read)
    tree.leaves.append(Leaf(name, array, label=channel.name, unit=str(unit)))
    _add_properties(tree, name, channel.properties)


def _add_properties(tree: Tree, path: str, properties: Any) -> None:
    for name, value in properties.items():
        inner = f"{path}.{name}" if path else name
        if isinstance(value, int | float | np.number):
            tree.leaves.append(Leaf(inner, np.asarray(value)))
        elif isinstance(value, str):
            tree.texts[inner] = value


def _metadata(metadata: Any) -> dict[str, str]:
    return {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (metadata or {}).items()
        if len(value) < 1000
    }


def _numpy_type(pyarrow: Any, kind: Any) -> np.dtype[Any] | None:
    types = pyarrow.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
    if types.is_timestamp(kind) or types.is_duration(kind) or types.is_time(kind):
        return np.dtype(np.float64)
    if types.is_integer(kind) or types.is_floating(kind):
        number: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())
        return number
    return np.dtype(np.float64) if types.is_decimal(kind) else None


def _column_reader(
    pyarrow: Any, file: Any, index: int, kind: Any, path: Path
) -> Callable[[], NDArray[Any]]:
    def read() -> NDArray[Any]:
        with reading("Parquet", path):
            column = file.reader.read_all([index], use_threads=False).column(0)
            return _values(pyarrow, column, kind, path)

    return read


def _values(pyarrow: Any, column: Any, kind: Any, path: Path) -> NDArray[Any]:
    types = pyarrow.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lengths = set(np.unique(pyarrow.compute.list_value_length(column).to_numpy()).tolist())
        if len(lengths) != 1:
            raise RecordingError(f"{path}: expected lists of one length, got {sorted(lengths)[:5]}")
        flat = pyarrow.compute.list_flatten(column).to_numpy()
        return np.asarray(flat).reshape(len(column), -1)
    if types.is_time(kind):
        column = column.cast(pyarrow.int64() if types.is_time64(kind) else pyarrow.int32())
        return np.asarray(column.to_numpy()) * _seconds(kind.unit)
    if types.is_decimal(kind):
        column = column.cast(pyarrow.float64())
    return _in_seconds(np.asarray(column.to_numpy()))


def _seconds(unit: str) -> float:
    return {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit]


def _in_seconds(values: NDArray[Any]) -> NDArray[Any]:
    """Times as seconds since the first, in which nanoseconds are not lost."""
    if values.dtype.kind not in "Mm":
        return values
    seconds: NDArray[Any] = (values - values[:1]) / np.timedelta64(1, "ns") * 1e-9
    return seconds


def _list_length(
    pyarrow: Any, read: Callable[[], NDArray[Any]], kind: Any, rows: int
) -> int | None:
    types = pyarrow.types
    if types.is_fixed_size_list(kind):
        return int(kind.list_size)
    if (types.is_list(kind) or types.is_large_list(kind)) and rows:
        return int(read().shape[1])
    return None
