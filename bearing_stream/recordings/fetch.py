"""Fetch the official CWRU files, and distinguish them from others."""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import platformdirs

from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.cwru import present, sha256
from bearing_stream.recordings.errors import RecordingError

# `requests` and `truststore` come with the extra `fetch`. Commands of the base import this module
# for its folders, so the two are imported where something is fetched.
if TYPE_CHECKING:
    from requests import Session

logger = logging.getLogger(__name__)

DATA_CENTER: Final = "https://engineering.case.edu/sites/default/files"
"""Base URL of the data center's files, which are named `<number>.mat`."""

_TRANSIENT: Final = (429, 500, 502, 503, 504)
"""HTTP states after which a request is retried."""

_TIMEOUT_S: Final = (10.0, 30.0)
"""Seconds to connect, and between two chunks."""

_CHUNK: Final = 1 << 16

FileState = Literal["official", "another one", "missing"]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The result of checking one file of the catalogue; `found_sha256` is None if it is missing."""

    entry: CatalogueEntry
    state: FileState
    found_sha256: str | None


def cache_folder() -> Path:
    """Return the default folder of `fetch`, in this user's cache.

    Raises:
        RecordingError: This user has no home folder, and none is set in the environment.
    """
    try:
        return platformdirs.user_cache_path("bearing-stream") / "cwru"
    except RuntimeError:
        raise RecordingError(
            "this user has no home folder: name a folder with --data, or set HOME or XDG_CACHE_HOME"
        ) from None


def default_folder(data: Path | None = None) -> Path | None:
    """Choose the folder to read CWRU recordings from.

    Args:
        data: The folder named on the command line.

    Returns:
        `data`, or else the environment's `CWRU_DATA`, or else the cache if it holds a recording,
        or else None.
    """
    if data is not None:
        return data
    if named := os.environ.get("CWRU_DATA"):
        return Path(named)
    try:
        cached = cache_folder()
    except RecordingError:
        return None
    return cached if present(cached) else None


def verify(folder: Path, entries: Iterable[CatalogueEntry] | None = None) -> Iterator[FileCheck]:
    """Check files by their SHA-256, all 64 of the catalogue by default.

    Raises:
        RecordingError: A file exists and cannot be read.
    """
    for entry in catalogue() if entries is None else entries:
        path = folder / entry.file_name
        if not path.is_file():
            yield FileCheck(entry, "missing", None)
            continue
        found = sha256(path)
        official = found == entry.official_sha256
        yield FileCheck(entry, "official" if official else "another one", found)


def import_packages() -> None:
    """Import what `fetch` needs: whether it is installed is known before any progress is shown.

    Raises:
        ModuleNotFoundError: The extra `fetch` is not installed.
    """
    import requests  # noqa: F401
    import truststore  # noqa: F401


def fetch(entry: CatalogueEntry, folder: Path, base_url: str = DATA_CENTER) -> Iterator[int]:
    """Download one official file, resuming where an earlier call or connection broke off.

    The bytes are collected in `<file>.part`, which is renamed only if its SHA-256 is correct, so
    that a file under its own name is always complete. An existing file of that name is replaced.

    Args:
        entry: The recording.
        folder: The target folder; created if it does not exist.
        base_url: The source, without the file's name.

    Yields:
        The number of bytes downloaded so far. The download proceeds only while it is iterated.

    Raises:
        RecordingError: The server refuses, does not respond or sends another file, or the folder
            cannot be written.
    """
    from requests import RequestException

    url = f"{base_url}/{entry.file_name}"
    part = folder / f"{entry.file_name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield from _download(url, part, entry.official_bytes)
        found = sha256(part)
        if found != entry.official_sha256:
            part.unlink()
            raise RecordingError(
                f"{url}: not the official file: expected SHA-256 {entry.official_sha256}, "
                f"got {found}"
            )
        part.replace(folder / entry.file_name)
    except RequestException as error:
        raise RecordingError(f"{url}: {error}; run it again to resume") from error
    except OSError as error:
        raise RecordingError(f"{folder}: cannot be written: {error}") from error


def _download(url: str, part: Path, size: int) -> Iterator[int]:
    """Fill `part` up to `size` bytes, over several connections if necessary."""
    import truststore
    from requests import Session, exceptions
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    # Trust the system's certificate authorities: a plant's proxy has its own.
    truststore.inject_into_ssl()
    # urllib3 retries a refused connection and a transient server error; a body that breaks off is
    # resumed below.
    adapter = HTTPAdapter(max_retries=Retry(3, backoff_factor=0.3, status_forcelist=_TRANSIENT))
    with Session() as session:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        while (have := _size(part)) != size:
            if have > size:
                part.unlink()  # left over from another version of the file
                continue
            try:
                yield from _transfer(session, url, part, have)
                return
            except (exceptions.ConnectionError, exceptions.ChunkedEncodingError) as error:
                if _size(part) <= have:  # each connection must transfer at least one byte
                    raise
                logger.info("%s broke off (%s); resuming", url, error)
        yield size


def _transfer(session: "Session", url: str, part: Path, have: int) -> Iterator[int]:
    """Append the bytes after the first `have`; start from 0 if the server cannot resume."""
    # `identity`: offsets in a compressed body differ from those in the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # the server's file is shorter, so it is not the same file
        response.raise_for_status()
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            have = 0
        with part.open("ab" if have else "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                yield have


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
