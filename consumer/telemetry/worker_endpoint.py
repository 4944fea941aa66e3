"""`consume --workers N --metrics-port P`: one port for the metrics and the health of all workers.

Each worker serves its own at a Unix socket in a folder that the supervisor made. A process of its
own, number 0, reads them at each request, so that the supervisor keeps its single thread, and a
slow client delays nothing but metrics.
"""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

from bearing_stream.observability import Reading, Response
from bearing_stream.observability.endpoint import JSON
from consumer import events
from consumer.liveness.shutdown import SIGNALS
from consumer.settings import ConsumerSettings
from consumer.telemetry.health import Health, Phase, response
from consumer.telemetry.listed import WORKER_UP
from consumer.telemetry.service_manager import reporting
from consumer.telemetry.serving import EndpointError, serving_at, socket_of

_FAILURES: Final = (OSError, http.client.HTTPException)
"""Of a request; a worker that does not respond in time is one of them."""

TICK: Final = 0.2
"""Seconds after which a signal is noticed."""

TIMEOUT: Final = 3.0
"""Seconds for a worker to respond."""


def serve_workers(settings: ConsumerSettings, folder: Path) -> int:
    """Serve the metrics and the health of all workers until SIGTERM or SIGINT; for the main thread.

    Args:
        settings: Of the supervisor.
        folder: Of the sockets.

    Returns:
        The exit status: 1 if the address cannot be used, which is logged.
    """
    stopped = threading.Event()
    for number in SIGNALS:
        signal.signal(number, lambda *_: stopped.set())
    workers = {number: socket_of(folder, number) for number in range(1, settings.workers + 1)}
    port = settings.metrics_port
    assert port is not None
    try:
        with (
            serving_at((settings.metrics_host, port), routes_to(workers)),
            reporting(Health(Phase.RUNNING)),
        ):
            # The handler may not run while this thread holds the lock of `wait`: it would wait too.
            while not stopped.is_set():
                time.sleep(TICK)
    except EndpointError as error:
        events.emit(events.FAILED, error=str(error))
        return 1
    return 0


def routes_to(workers: Mapping[int, Path]) -> dict[str, Callable[[str], Response]]:
    """Return the routes of the common endpoint, given the workers' numbers and sockets."""
    # Imported here because it needs the extra `metrics`.
    from bearing_stream.observability.prometheus import PLAIN, merged

    def scrape(accept: str) -> Response:
        found = dict(_ask(workers, "/metrics", PLAIN))
        up = [Reading(WORKER_UP, (str(n),), float(found[n] is not None)) for n in workers]
        expositions = [(str(n), one.body.decode()) for n, one in found.items() if one is not None]
        return merged(expositions, "worker", accept, [(WORKER_UP, up)])

    def ready(_accept: str) -> Response:
        found = {n: _body(one) for n, one in _ask(workers, "/readyz", JSON)}
        is_ready = all(one.get("status") == "ready" for one in found.values())
        return response(is_ready, status="ready" if is_ready else "not ready", workers=found)

    def live(_accept: str) -> Response:
        # The supervisor starts a worker again that ends or is frozen, and one whose loop hangs
        # ends itself: a restart of all of them would stop those that work.
        return response(True, status="alive")

    return {"/metrics": scrape, "/livez": live, "/readyz": ready}


def _body(response: Response | None) -> dict[str, object]:
    if response is None:
        return {"status": "not ready", "problems": ["the worker does not respond"]}
    found: dict[str, object] = json.loads(response.body)
    return found


def _ask(
    workers: Mapping[int, Path], path: str, accept: str
) -> Iterator[tuple[int, Response | None]]:
    """Return the response of each worker, asked at the same time; None where there is none."""
    with ThreadPoolExecutor(max(len(workers), 1)) as threads:
        found = threads.map(lambda where: _get(where, path, accept), workers.values())
        yield from zip(workers, found, strict=True)


def _get(where: Path, path: str, accept: str) -> Response | None:
    try:
        with closing(_UnixConnection(where, TIMEOUT)) as connection:
            connection.request("GET", path, headers={"Accept": accept})
            found = connection.getresponse()
            return Response(found.status, found.headers.get_content_type(), found.read())
    except _FAILURES:
        return None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
