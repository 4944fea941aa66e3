"""Serves routes at the address that the settings name. Loads neither NumPy nor the Kafka client."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bearing_stream.observability import Address, Endpoint, Routes
from consumer import events

SOCKETS_VARIABLE: Final = "_BEARING_STREAM_SOCKETS"
"""Environment variable of a worker: the folder of the sockets at which workers serve theirs."""


class EndpointError(RuntimeError):
    """Metrics cannot be served or pushed as is set; the message names what to do."""


def socket_of(folder: Path, worker: int) -> Path:
    """Return the path of a worker's socket."""
    return folder / f"{worker}.sock"


@contextmanager
def serving_at(address: Address, routes: Routes) -> Iterator[None]:
    """Serve routes while the block lasts, and log where unless it is a socket of a worker.

    Raises:
        EndpointError: The address cannot be used.
    """
    try:
        endpoint = Endpoint(address, routes)
    except OSError as error:
        where = address if isinstance(address, Path) else f"{address[0]}, port {address[1]}"
        raise EndpointError(
            f"cannot serve metrics on {where}: {_reason(error)}; choose another "
            "--metrics-port (0 chooses a free one) or --metrics-host, an address of this machine"
        ) from error
    with closing(endpoint):
        if not isinstance(address, Path):
            events.emit(events.METRICS_SERVED, address=endpoint.url)
        yield


def _reason(error: OSError) -> str:
    # `socket.create_server` adds the address to the text of the system.
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno) if error.errno else str(error)
