"""Receivers at a port of this machine: an HTTP server, an SMTP server, and a slow one."""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpSink(ThreadingHTTPServer):
    """Accepts every request, unless a reply is scripted."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _HttpHandler)
        self.replies: deque[Reply] = deque()
        self.default: Reply = (204, {}, b"")
        self.requests: list[Request] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def keys(self) -> list[str]:
        """The idempotency keys so far, in order."""
        with self.lock:
            return [request.headers["idempotency-key"] for request in self.requests]


class _HttpHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sink = cast("HttpSink", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with sink.lock:
            status, more, content = sink.replies.popleft() if sink.replies else sink.default
            sink.requests.append(Request(self.path, headers, body))
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def http_sink(port: int = 0) -> Iterator[HttpSink]:
    with HttpSink(port) as sink, _serving(sink):
        yield sink


@dataclass
class Mail:
    """A message that was accepted."""

    recipients: list[str]
    message: EmailMessage
    login: str
    encrypted: bool


@dataclass
class Script:
    """What the SMTP server replies instead of 250: verb, or verb and address → replies in turn."""

    replies: dict[str, list[str]] = field(default_factory=dict)

    def reply(self, *keys: str) -> str | None:
        for key in keys:
            if self.replies.get(key):
                return self.replies[key].pop(0)
        return None


class SmtpSink(ThreadingTCPServer):
    """Takes mail, with STARTTLS or TLS where it has a context."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _SmtpHandler)
        self.context = context
        self.implicit = implicit
        self.script = Script()
        self.mails: list[Mail] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave out what a client causes that does not trust the certificate."""


class _SmtpHandler(StreamRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.sink = cast("SmtpSink", self.server)
        self.encrypted = False
        self.login = ""
        self.recipients: list[str] = []
        if self.sink.implicit:
            self._encrypt()

    def handle(self) -> None:
        self._send(self.sink.script.reply("connect") or "220 sink")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            scripted = self.sink.script.reply(f"{verb} {rest}", verb)
            if scripted is not None:
                self._send(scripted)
            elif verb == "QUIT":
                self._send("221 bye")
                return
            else:
                self._take(verb, rest)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _take(self, verb: str, rest: str) -> None:
        if verb == "EHLO":
            self.recipients = []
            starttls = self.sink.context is not None and not self.encrypted
            self._send("\r\n".join(["250-sink", *(["250-STARTTLS"] * starttls), "250 AUTH PLAIN"]))
        elif verb == "STARTTLS":
            self._send("220 go")
            self._encrypt()
        elif verb == "AUTH":
            self.login = rest
            self._send("235 welcome")
        elif verb == "RCPT":
            self.recipients.append(rest.partition("<")[2].partition(">")[0])
            self._send("250 ok")
        elif verb == "DATA":
            self._data()
        else:
            self._send("250 ok")

    def _data(self) -> None:
        self._send("354 go")
        lines = [*iter(self.rfile.readline, b".\r\n")]
        scripted = self.sink.script.reply("content")
        if scripted is None:
            message = message_from_bytes(b"".join(lines), policy=policy.default)
            self.sink.mails.append(Mail(self.recipients, message, self.login, self.encrypted))
        self.recipients = []
        self._send(scripted or "250 accepted")

    def _encrypt(self) -> None:
        assert self.sink.context is not None
        wrapped = self.sink.context.wrap_socket(
            self.connection, server_side=True, do_handshake_on_connect=False
        )
        self.connection = wrapped
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.encrypted = True

    def _send(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def smtp_sink(context: ssl.SSLContext | None = None, implicit: bool = False) -> Iterator[SmtpSink]:
    with SmtpSink(context, implicit) as sink, _serving(sink):
        yield sink


DRIP_INTERVAL = 0.02
"""Seconds between two parts."""


@contextmanager
def dripping(begin: bytes, part: bytes) -> Iterator[int]:
    """Yield the port of a server that sends a part again and again, and reads nothing."""
    ended = threading.Event()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.wfile.write(begin)
                while not ended.wait(DRIP_INTERVAL):
                    self.wfile.write(part)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server, _serving(server):
        yield int(server.server_address[1])
        ended.set()


@contextmanager
def silent() -> Iterator[socket.socket]:
    """Yield a listener that responds to nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener
