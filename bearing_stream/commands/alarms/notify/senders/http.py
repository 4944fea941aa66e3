"""Posts over HTTP, and distinguishes what a later attempt can change from what it cannot."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
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


class HttpClient:
    """Posts, by way of the proxies that the environment names (`HTTPS_PROXY`, `NO_PROXY`)."""

    def __init__(
        self, timeout: float, ca_file: Path | None, secrets: Iterable[SecretSource]
    ) -> None:
        """Set up.

        Args:
            timeout: Seconds that the connection, and each wait for data, may take.
            ca_file: Authorities of the server's certificate; None for those of the system.
            secrets: What must not be logged.
        """
        self._timeout = timeout
        self._ca_file = ca_file
        self._secrets = tuple(secrets)

    def post(self, request: Request) -> None:
        """Post, and return when the status is one of success.

        Raises:
            UnavailableError: A later attempt may succeed.
            RefusedError: No attempt will.
        """
        asked = urllib.request.Request(
            request.url, request.body, dict(request.headers), method="POST"
        )
        try:
            with self._opener(request.url).open(asked, timeout=self._timeout):
                return
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except urllib.error.URLError as error:
            raise UnavailableError(self._redacted(str(error.reason))) from None
        except (OSError, http.client.HTTPException) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise UnavailableError(self._redacted(reason)) from None

    def _opener(self, url: str) -> urllib.request.OpenerDirector:
        if not url.startswith("https:"):
            return urllib.request.build_opener(_NoRedirect())
        # Each time: a certificate that was replaced applies without a restart.
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise UnavailableError(f"ca_file cannot be used: {error}") from None
        return urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _NoRedirect()
        )

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
