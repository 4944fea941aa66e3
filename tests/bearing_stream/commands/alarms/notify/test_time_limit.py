"""An attempt ends in its time, and soon after a stop, however a server responds."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bearing_stream.commands.alarms.notify.senders import Sender, UnavailableError, sender_of
from tests.bearing_stream.commands.alarms.notify.examples import notification, receiver
from tests.bearing_stream.commands.alarms.notify.sinks import (
    HttpSink,
    SmtpSink,
    dripping,
    silent,
    smtp_sink,
)

LIMIT = 'timeout = "300ms"'
SOON = 5.0
"""Seconds; far less than what a server here takes, and enough on a machine that is busy."""

Make = Callable[[int, str], Sender]


def http(kind: str, scheme: str = "http") -> Make:
    return lambda port, more: sender_of(
        receiver(f'kind = "{kind}"\nurl = "{scheme}://127.0.0.1:{port}"\n{more}')
    )


def mail(security: str = "none") -> Make:
    return lambda port, more: sender_of(
        receiver(
            f'kind = "email"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "{security}"\n'
            f'from = "a@b.example"\nto = ["c@d.example"]\n{more}'
        )
    )


KINDS = {"webhook": http("webhook"), "alertmanager": http("alertmanager"), "email": mail()}


def assert_ends(one: Sender, **fields: Any) -> None:
    begin = time.monotonic()
    with pytest.raises(UnavailableError, match=r"timed out"):
        one.send(notification(**fields))
    assert time.monotonic() - begin < SOON


@pytest.mark.parametrize(
    ("make", "begin", "part"),
    [
        (http("webhook"), b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (http("webhook"), b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        (http("webhook"), b"HTTP/1.1 2", b"0"),
        (http("webhook"), b"HTTP/1.1 404 Not Found\r\n", b"x: y\r\n"),
        (http("alertmanager"), b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (mail(), b"220-hello\r\n", b"220-hello\r\n"),
        (mail(), b"220", b" "),
    ],
)
def test_a_response_that_comes_a_little_at_a_time_does_not_prolong_it(
    make: Make, begin: bytes, part: bytes
) -> None:
    with dripping(begin, part) as port:
        assert_ends(make(port, LIMIT))


@pytest.mark.parametrize("make", [http("webhook", "https"), mail("tls"), mail("none")])
def test_a_server_that_is_silent_does_not_prolong_it(make: Make) -> None:
    with silent() as listener:
        assert_ends(make(listener.getsockname()[1], LIMIT))


def test_a_server_that_reads_nothing_does_not_prolong_it() -> None:
    with silent() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert_ends(http("webhook")(listener.getsockname()[1], LIMIT), label="x" * 10_000_000)


def test_a_status_that_was_received_in_time_counts_though_its_text_does_not_end() -> None:
    begin = b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 800\r\n\r\n"
    with dripping(begin, b"x") as port, pytest.raises(UnavailableError, match="503") as raised:
        http("webhook")(port, LIMIT).send(notification())
    assert raised.value.retry_after == 7


def test_a_message_that_was_accepted_counts_though_the_farewell_does_not_end() -> None:
    with smtp_sink() as server:
        server.script.replies["QUIT"] = ["221-bye"]
        begin = time.monotonic()
        mail()(server.port, LIMIT).send(notification())
        assert time.monotonic() - begin < SOON
        assert len(server.mails) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_name_that_is_not_resolved_does_not_prolong_it_and_is_sent_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch, sink: HttpSink
) -> None:
    resolved, resolve = threading.Event(), socket.getaddrinfo

    def slow(*given: Any) -> Any:
        resolved.wait(60)
        return resolve(*given)

    with smtp_sink() as server:
        one = KINDS[kind](server.port if kind == "email" else sink.server_port, LIMIT)
        before = set(threading.enumerate())
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        assert_ends(one)
        resolved.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(SOON)
        assert_received_nothing(sink, server)


def assert_received_nothing(sink: HttpSink, server: SmtpSink) -> None:
    assert (sink.requests, server.mails) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_ends_it_soon(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearing_stream.commands.alarms.notify.senders.attempt.STOP_GRACE", 0.1)
    with silent() as listener:
        one = KINDS[kind](listener.getsockname()[1], 'timeout = "2m"')

        stopper = threading.Thread(target=lambda: stop_when_connected(listener, one))
        stopper.start()
        begin = time.monotonic()
        with pytest.raises(UnavailableError, match="it was ended: the process stops"):
            one.send(notification())
        assert time.monotonic() - begin < SOON
        stopper.join()


def stop_when_connected(listener: socket.socket, one: Sender) -> None:
    connection, _ = listener.accept()
    with connection:
        one.stop()
        # Until the other end has closed it.
        while connection.recv(65536):
            pass
