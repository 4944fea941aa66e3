"""The endpoint serves what it is given, and no client can make it do more."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bearing_stream.observability import Endpoint, Response
from bearing_stream.observability.endpoint import MAX_REQUESTS
from tests.endpoint_client import get


def fails(_accept: str) -> Response:
    raise ValueError("not for a client to see")


@pytest.fixture
def address() -> Iterator[str]:
    routes = {
        "/metrics": lambda accept: Response(200, "text/plain", accept.encode()),
        "/readyz": lambda _: Response(503, "application/json", b"{}"),
        "/fails": fails,
    }
    endpoint = Endpoint(("127.0.0.1", 0), routes)
    yield endpoint.url
    endpoint.close()


def exchange(address: str, request: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server closes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_route_gets_what_the_client_accepts(address: str) -> None:
    found = get(f"{address}/metrics?a=b", "application/openmetrics-text")
    assert found == (200, "text/plain", "application/openmetrics-text")


def test_a_status_of_failure_is_passed_on(address: str) -> None:
    assert get(f"{address}/readyz") == (503, "application/json", "{}")


def test_an_unknown_path_names_those_that_exist(address: str) -> None:
    found = get(f"{address}/")
    assert (found.status, found.text) == (404, "Expected one of /fails, /metrics, /readyz\n")


def test_a_failure_inside_is_logged_and_not_sent(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = get(f"{address}/fails")
    assert (found.status, found.text) == (500, "See the log\n")
    assert "not for a client to see" in caplog.text


def test_head_has_no_body(address: str) -> None:
    head, _, body = exchange(address, b"HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n").partition(
        b"\r\n\r\n"
    )
    assert b" 503 " in head
    assert b"Content-Length: 2" in head
    assert body == b""


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"TRACE"])
def test_nothing_but_get_and_head_is_served(address: str, method: bytes) -> None:
    assert b" 501 " in exchange(address, method + b" /metrics HTTP/1.1\r\nHost: a\r\n\r\n")


def test_the_versions_of_python_and_libraries_are_not_sent(address: str) -> None:
    received = exchange(address, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"\r\nServer: bearing-stream\r\n" in received


def test_clients_that_do_not_send_their_request_keep_nobody_else_from_it(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with ExitStack() as connections:
        for _ in range(3 * MAX_REQUESTS):
            silent = connections.enter_context(socket.create_connection((host, int(port))))
            silent.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            assert get(f"{address}/readyz").status == 503


def test_requests_in_progress_are_served_and_further_ones_refused() -> None:
    go = threading.Event()
    begun = threading.Semaphore(0)

    def slow(_accept: str) -> Response:
        begun.release()
        assert go.wait(10)
        return Response(200, "text/plain", b"done")

    endpoint = Endpoint(("127.0.0.1", 0), {"/slow": slow})
    with ThreadPoolExecutor(MAX_REQUESTS) as pool:
        served = [pool.submit(get, f"{endpoint.url}/slow") for _ in range(MAX_REQUESTS)]
        for _ in served:
            assert begun.acquire(timeout=10)
        with pytest.raises(OSError, match=r"\w"):
            get(f"{endpoint.url}/slow")
        go.set()
        assert {each.result().text for each in served} == {"done"}
    endpoint.close()


def test_a_unix_socket_replaces_one_that_was_left(tmp_path: Path) -> None:
    path = tmp_path / "1.sock"
    routes = {"/livez": lambda _: Response(200, "text/plain", b"yes")}
    for _ in range(2):
        endpoint = Endpoint(path, routes)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b" 200 " in client.recv(4096)
        endpoint.close()
    assert path.exists()


def test_an_address_in_use_is_refused(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Endpoint(("127.0.0.1", port), {})


def test_an_ipv6_address_is_shown_as_one() -> None:
    try:
        endpoint = Endpoint(("::1", 0), {})
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert endpoint.url.startswith("http://[::1]:")
    endpoint.close()
