"""Checks of the values of a receiver: what no attempt can use is refused at the start."""

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bearing_stream.commands.alarms.notify.secret import EXPECTED

SECRET_HEADER: Final = re.compile(r"authorization|cookie|token|key|secret|password", re.I)
"""Names of headers whose values are secrets."""

OWN_HEADERS: Final = re.compile(
    r"(ce|webhook)-.*|idempotency-key|content-(type|length)|transfer-encoding|connection|host", re.I
)
"""Names of headers that are set for each request."""

HOST_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.I)

LONGEST_NAME: Final = 253
"""Characters of a host name."""

ADDRESS: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@(\[[a-z0-9.:]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)", re.I
)
"""Of a mailbox (RFC 5321), without its owner's name and without quotes."""


def checked_url(url: str) -> str:
    """Refuse what is no address of HTTP; the message leaves it out, since it may be a secret.

    Raises:
        ValueError: It is none, or holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Its message repeats a part of the address.
        raise ValueError("expected an address with a host and a port from 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as https://host/path")
    if parts.username or parts.password:
        raise ValueError(
            f"expected an address without user and password: give headers.Authorization {EXPECTED}"
        )
    if port == 0:
        raise ValueError("expected an address with a port from 1 to 65535, got 0")
    # Of what `urlsplit` leaves out too, such as a line break.
    if found := re.search(r"[^\x21-\x7e]", url):
        raise ValueError(f"expected an address of printable ASCII, got one with {found[0]!r}")
    if not _is_host(parts.hostname):
        raise ValueError("expected an address with a host name or an IP address")
    return url


def checked_host(host: str) -> str:
    """Refuse what is neither a host name in ASCII nor an IP address; raises ValueError."""
    if not _is_host(host):
        raise ValueError(f"expected a host name or an IP address, got {host!r}")
    return host


def _is_host(text: str) -> bool:
    if HOST_NAME.fullmatch(text):
        return len(text) <= LONGEST_NAME
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def checked_address(address: str) -> str:
    """Refuse what is no address of a mailbox; raises ValueError."""
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"expected an address such as name@host, got {address!r}")
    return address


def checked_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Refuse headers that are set for each request, and secrets in the file of receivers."""
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or OWN_HEADERS.fullmatch(name):
            raise ValueError(f"'{name}' is no header that can be added")
        if isinstance(value, str) and SECRET_HEADER.search(name):
            raise ValueError(f"expected for {name} {EXPECTED}, not the secret itself")
        if isinstance(value, str):
            checked_line(value, f"for {name} ")
    return headers


def checked_line(text: str, where: str = "") -> str:
    """Refuse a text that is not one line of ASCII; raises ValueError, which names one character."""
    if found := re.search(r"[^\x20-\x7e]", text):
        raise ValueError(f"expected {where}one line of ASCII, got one with {found[0]!r}")
    return text


def checked_ca_file(path: Path) -> Path:
    """Refuse a file without certificates; raises ValueError."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"expected certificates in PEM, and there are none in {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"expected a file that can be read, got {path}: {reason}") from None
    return path
