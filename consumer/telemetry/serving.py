"""Serves routes at the address that the settings name. Loads neither NumPy nor the Kafka client."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bearing_stream.observability import Address, Endpoint, Routes
from bearing_stream.observability.endpoint import listening
from consumer import events

SOCKETS_VARIABLE: Final = "_BEARING_STREAM_SOCKETS"
"""Environment variable of a worker: the folder of the sockets at which workers serve theirs."""

_ADVICE_ON_PORTS: Final = (
    "choose another --metrics-port (0 chooses a free one) or --metrics-host, an address of this "
    "machine"
)

_ADVICE_ON_SOCKETS: Final = "set TMPDIR to a writable folder with a short path"
"""A Unix socket takes a path of 107 bytes on Linux, and of 103 on macOS."""


class EndpointError(RuntimeError):
    """Metrics cannot be served or pushed as is set; the message names what to do."""


def socket_of(folder: Path, worker: int) -> Path:
    """Return the path of a worker's socket."""
    return folder / f"{worker}.sock"


@contextmanager
def folder_of_sockets(workers: int) -> Iterator[Path]:
    """Make a folder for the sockets of so many workers; it is removed when the block ends.

    Raises:
        EndpointError: There can be no such folder, or no sockets in it.
    """
    try:
        folder = TemporaryDirectory(prefix="bearing-stream-")
    except OSError as error:
        raise EndpointError(
            f"cannot make a folder for the sockets of the workers: {error.strerror}; "
            f"{_ADVICE_ON_SOCKETS}"
        ) from error
    with folder as name:
        path = Path(name)
        # The last one has the longest path.
        check(socket_of(path, workers))
        yield path


def check(address: Address) -> None:
    """Listen at an address for a moment; no thread remains.

    Raises:
        EndpointError: The address cannot be used.
    """
    with _advising(address):
        listening(address).close()


@contextmanager
def serving_at(address: Address, routes: Routes) -> Iterator[None]:
    """Serve routes while the block lasts, and log where unless it is a socket of a worker.

    Raises:
        EndpointError: The address cannot be used.
    """
    with _advising(address):
        endpoint = Endpoint(address, routes)
    with closing(endpoint):
        if not isinstance(address, Path):
            events.emit(events.METRICS_SERVED, address=endpoint.url)
        yield


@contextmanager
def _advising(address: Address) -> Iterator[None]:
    """Raise an EndpointError for an OSError in the block."""
    try:
        yield
    except OSError as error:
        if isinstance(address, Path):
            where, advice = str(address), _ADVICE_ON_SOCKETS
        else:
            where, advice = f"{address[0]}, port {address[1]}", _ADVICE_ON_PORTS
        raise EndpointError(
            f"cannot serve metrics on {where}: {_reason(error)}; {advice}"
        ) from error


def _reason(error: OSError) -> str:
    # `socket.create_server` adds the address to the text of the system.
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno) if error.errno else str(error)
