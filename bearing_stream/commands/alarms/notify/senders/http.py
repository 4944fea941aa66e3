"""Posts over HTTP, and distinguishes what a later attempt can change from what it cannot."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bearing_stream.commands.alarms.notify.secret import (
    MASK,
    SecretError,
    SecretSource,
    read,
    redacted,
)
from bearing_stream.commands.alarms.notify.senders.attempt import Attempt, TimeLimit
from bearing_stream.commands.alarms.notify.senders.base import RefusedError, UnavailableError
from bearing_stream.commands.terminal import printable

ABOUT_THE_RECEIVER: Final = frozenset({401, 403, 404, 407, 408, 421, 425, 429})
"""Statuses from 400 to 499 that state nothing about the notification: the receiver is busy or away,
or its address or our credentials are wrong. A person can correct that, and nothing is lost."""

EXCERPT: Final = 200
"""Characters of a response that are logged."""


@dataclass(frozen=True, slots=True)
class Request:
    """A POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    def as_text(self, is_secret: bool) -> str:
        """Return it for people; of an address that is a secret only the host."""
        parts = urlsplit(self.url)
        url = f"{parts.scheme}://{parts.netloc}/{MASK}" if is_secret else self.url
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\n".join([f"POST {url}", *lines, "", self.body.decode(errors="replace")])


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to be reported: after it, POST would become GET."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect."""


class _Http(urllib.request.HTTPHandler):
    """Opens the connections of an attempt."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__()
        self._attempt = attempt

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        return self.do_open(partial(_connection, http.client.HTTPConnection, self._attempt), req)


class _Https(urllib.request.HTTPSHandler):
    """Opens the connections of an attempt, with TLS."""

    def __init__(self, attempt: Attempt, context: ssl.SSLContext | None) -> None:
        super().__init__(context=context)
        self._attempt = attempt
        self._tls = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        connection = partial(_connection, http.client.HTTPSConnection, self._attempt)
        return self.do_open(connection, req, context=self._tls)


def _connection(
    kind: type[http.client.HTTPConnection], attempt: Attempt, host: str, **given: Any
) -> http.client.HTTPConnection:
    found = kind(host, **given)
    # There is no public way to the socket before TLS and a proxy's response.
    found._create_connection = attempt.connect  # type: ignore[attr-defined]
    return found


class HttpClient:
    """Posts, by way of the proxies that the environment names (`HTTPS_PROXY`, `NO_PROXY`)."""

    def __init__(
        self, timeout: float, ca_file: Path | None, secrets: Iterable[SecretSource]
    ) -> None:
        """Set up.

        Args:
            timeout: Seconds that an attempt may take.
            ca_file: Authorities of the server's certificate; None for those of the system.
            secrets: What must not be logged.
        """
        self._timeout = timeout
        self._limit = TimeLimit(timeout)
        self._ca_file = ca_file
        self._secrets = tuple(secrets)

    def post(self, request: Request) -> None:
        """Post, and return when the status is one of success.

        Raises:
            UnavailableError: A later attempt may succeed.
            RefusedError: No attempt will.
        """
        self._limit.run(partial(self._attempt, request))

    def stop(self) -> None:
        """End `post` within some seconds; for any thread."""
        self._limit.stop()

    def _attempt(self, request: Request, attempt: Attempt) -> None:
        with self._response(request, attempt) as response:
            # The end of a connection ends the headers too.
            attempt.check()
            if isinstance(response, urllib.error.HTTPError):
                raise self._refusal(response)

    def _response(self, request: Request, attempt: Attempt) -> Any:
        """Return the response once its headers are read, as HTTPError if it is no success.

        Raises:
            UnavailableError: There is none.
        """
        headers = dict(request.headers)
        asked = urllib.request.Request(request.url, request.body, headers, method="POST")
        try:
            return self._opener(request.url, attempt).open(asked, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            return error
        except urllib.error.URLError as error:
            reason = str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        attempt.check()
        raise UnavailableError(self._redacted(reason))

    def _opener(self, url: str, attempt: Attempt) -> urllib.request.OpenerDirector:
        # Each time: a certificate that was replaced applies without a restart.
        context = tls_context(self._ca_file) if url.startswith("https:") else None
        return urllib.request.build_opener(_Http(attempt), _Https(attempt, context), _NoRedirect())

    def _refusal(self, error: urllib.error.HTTPError) -> UnavailableError | RefusedError:
        try:
            excerpt = error.read(EXCERPT * 4).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            excerpt = ""
        excerpt = printable(" ".join(excerpt.split()))[:EXCERPT]
        reason = f"status {error.code}" + (f": {self._redacted(excerpt)}" if excerpt else "")
        if 400 <= error.code < 500 and error.code not in ABOUT_THE_RECEIVER:
            return RefusedError(reason)
        return UnavailableError(reason, retry_after(error.headers.get("Retry-After")))

    def _redacted(self, text: str) -> str:
        return redacted(text, self._secrets)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what checks certificates; raises UnavailableError if the file cannot be used."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UnavailableError(f"ca_file cannot be used: {error}") from None


def retry_after(header: str | None) -> float:
    """Return the seconds of the header `Retry-After`, a number or a date; 0 if it has none."""
    if header is None:
        return 0.0
    try:
        return max(0.0, float(int(header)))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def resolved(values: Mapping[str, str | SecretSource]) -> dict[str, str]:
    """Return headers with their secrets.

    Raises:
        UnavailableError: A secret cannot be read any more, or is no value of a header.
    """
    found = {name: available(value) for name, value in values.items()}
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):
            raise UnavailableError(f"expected one line of ASCII for the header {name}")
    return found


def available(value: str | SecretSource) -> str:
    """Return a text or the secret that it names; raises UnavailableError if it cannot be read."""
    try:
        return read(value)
    except SecretError as error:
        raise UnavailableError(str(error)) from None
