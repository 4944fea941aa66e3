"""Find the format of a file from its content and read it."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.audio import read_audio, read_wav
from bearing_stream.recordings.formats.columns import read_parquet, read_tdms
from bearing_stream.recordings.formats.content import Content, Options
from bearing_stream.recordings.formats.hdf5 import read_hdf5
from bearing_stream.recordings.formats.libraries import reading
from bearing_stream.recordings.formats.matlab_tree import read_mat, read_npz
from bearing_stream.recordings.formats.numpy_file import read_npy
from bearing_stream.recordings.formats.table import read_table

Reader = Callable[[Path, Options], Content]

_HDF5: Final = b"\x89HDF\r\n\x1a\n"

BEGINNINGS: Final[tuple[tuple[bytes, Reader], ...]] = (
    (b"MATLAB ", read_mat),
    (_HDF5, read_hdf5),
    (b"\x93NUMPY", read_npy),
    (b"RIFF", read_wav),
    (b"RIFX", read_wav),
    (b"RF64", read_wav),
    (b"riff\x2e\x91\xcf\x11", read_audio),
    (b"fLaC", read_audio),
    (b"FORM", read_audio),
    (b"OggS", read_audio),
    (b"caff", read_audio),
    (b".snd", read_audio),
    (b"TDSm", read_tdms),
    (b"PAR1", read_parquet),
)
"""First bytes of a file → its reader."""

_REFUSED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls): save its sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "compressed with xz: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"ARROW1", "an Arrow file: save it as Parquet"),
    (b"%PDF", "a PDF document: the samples are needed as CSV"),
    (b"\x80\x04\x95", "a pickle, which is never loaded since it may run code: save it as .npy"),
    (b"\x80\x05\x95", "a pickle, which is never loaded since it may run code: save it as .npy"),
)
"""First bytes of a file that cannot be read → what it is, and the way on."""

_USER_BLOCK: Final = 512
"""Offset of the HDF5 part of a MATLAB 7.3 file."""


def open_file(path: Path, options: Options) -> Content:
    """Find the format of a file and list its signals.

    The content decides, since an ending may be missing or wrong. Only MATLAB files of version 4,
    which begin with nothing of their own, are known by their ending.

    Raises:
        RecordingError: The file does not exist, or cannot be read.
    """
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder; name its files")
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    try:
        return _reader(path)(path, options)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror or error}") from error


def _reader(path: Path) -> Reader:
    with path.open("rb") as stream:
        head = stream.read(16)
        stream.seek(_USER_BLOCK)
        block = stream.read(len(_HDF5))
    if block == _HDF5:
        return read_hdf5
    for beginning, what in _REFUSED:
        if head.startswith(beginning):
            raise RecordingError(f"{path}: {what}")
    if head.startswith(b"PK\x03\x04"):
        return _in_archive(path)
    for beginning, reader in BEGINNINGS:
        if head.startswith(beginning):
            return reader
    return read_mat if path.suffix.lower() == ".mat" and b"\0" in head else read_table


def _in_archive(path: Path) -> Reader:
    with reading("ZIP", path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if names and all(name.endswith(".npy") for name in names):
        return read_npz
    if any(name.startswith("xl/") for name in names):
        raise RecordingError(f"{path}: an Excel workbook (.xlsx): save its sheet as CSV")
    if "mimetype" in names and "content.xml" in names:
        raise RecordingError(f"{path}: an OpenDocument sheet: save it as CSV")
    raise RecordingError(f"{path}: a ZIP archive of {', '.join(names[:3])}: unpack it first")
