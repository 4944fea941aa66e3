"""A small HTTP server for metrics and health: GET only, in threads of its own."""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final, NamedTuple

MAX_REQUESTS: Final = 16
"""Connections at a time. A further one takes the place of the one that has waited longest without
sending its request; if all have sent it, it is closed. A scrape or a probe is one."""

TIMEOUT: Final = 5.0
"""Seconds that a client may wait before it sends more of its request."""

_REPLACED: Final = 1.0
"""Seconds for the thread of a connection that is replaced to end."""

JSON: Final = "application/json"

_log = logging.getLogger(__name__)


class Response(NamedTuple):
    """A response to GET."""

    status: int
    content_type: str
    body: bytes


Routes = Mapping[str, Callable[[str], Response]]
"""Path → what responds to GET there, given the header `Accept`. Called in a thread of the server.
"""

Address = tuple[str, int] | Path
"""Host and port, where port 0 is any free one; or the path of a Unix socket."""


class Endpoint:
    """Serves GET and HEAD until it is closed."""

    def __init__(self, address: Address, routes: Routes) -> None:
        """Listen, and serve at once.

        Args:
            address: Where.
            routes: What.

        Raises:
            OSError: The address cannot be used.
        """
        self._server = _Server(listening(address), routes)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="endpoint", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, for a log line."""
        where = self._server.socket.getsockname()
        if isinstance(where, str):
            return where
        host, port = where[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        """Accept no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def listening(address: Address) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        OSError: The address cannot be used.
    """
    if isinstance(address, Path):
        listener = socket.socket(socket.AF_UNIX)
        try:
            # Of a process before this one, which did not remove it.
            address.unlink(missing_ok=True)
            listener.bind(str(address))
            listener.listen()
        except OSError:
            listener.close()
            raise
        return listener
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family)


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, routes: Routes) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.routes = routes
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        self._lock = threading.Lock()
        # In order of arrival: connections whose request has not come yet.
        self._silent: dict[Any, None] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, if there are not too many."""
        if self._free.acquire(blocking=False) or (
            self._end_oldest_silent() and self._free.acquire(timeout=_REPLACED)
        ):
            with self._lock:
                self._silent[request] = None
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def note_received(self, request: Any) -> None:
        """Note that the request of a connection has come: it is served to its end."""
        with self._lock:
            self._silent.pop(request, None)

    def _end_oldest_silent(self) -> bool:
        with self._lock:
            oldest = next(iter(self._silent), None)
            if oldest is None:
                return False
            del self._silent[oldest]
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
            return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.note_received(request)
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what a request raised; a client that went away is no error."""
        _log.debug("a request for metrics or health failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        self.server.note_received(self.connection)
        response = self._respond()
        self._send_head(response)
        self.wfile.write(response.body)

    def do_HEAD(self) -> None:
        self.server.note_received(self.connection)
        self._send_head(self._respond())

    def log_message(self, *_: object) -> None:
        """Log no requests."""

    def version_string(self) -> str:
        """Name the program without the versions of what it is made with."""
        return "bearing-stream"

    def _respond(self) -> Response:
        routes = self.server.routes
        route = routes.get(self.path.partition("?")[0])
        if route is None:
            paths = ", ".join(sorted(routes))
            return Response(404, "text/plain; charset=utf-8", f"Expected one of {paths}\n".encode())
        try:
            return route(self.headers.get("Accept", ""))
        except Exception:
            _log.exception("%s failed", self.path)
            return Response(500, "text/plain; charset=utf-8", b"See the log\n")

    def _send_head(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
