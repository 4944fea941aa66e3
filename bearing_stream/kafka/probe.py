"""Find out why a broker's address does not respond: librdkafka has one text for all TLS errors.

The probe makes a TLS handshake of its own, independent of the client's, and closes the connection.
It sends no application data, and the program uses no such connection.
"""

import os
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bearing_stream.kafka.errors import FatalKafkaError

Address = tuple[str, int]

TIMEOUT: Final = 2.0
"""Seconds for an address to respond."""

REFUSAL_TIMEOUT: Final = 1.0
"""Seconds to wait for a broker to refuse our certificate; one that accepts it sends nothing."""

CERTIFICATE_ALERTS: Final = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""Words in OpenSSL's names of the alerts that concern our certificate."""

DEFAULT_PORT: Final = 9092

PROBE: Final = "probe"
"""Value of `ssl.ca.location` for the authorities of the system, which librdkafka searches for."""

SYSTEM_AUTHORITIES: Final = (
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
)
"""Where systems keep their authorities, as librdkafka's `rdkafka_ssl.c` lists it. Python's OpenSSL
knows one of them only, that of the system on which it was built."""

UNREADABLE_FORMATS: Final = ("ssl.certificate.pem", "ssl.keystore.location")
"""Properties with our certificate in a form that Python does not load."""

EXPIRED: Final = 10
NOT_YET_VALID: Final = 9
OTHER_NAME: Final = (62, 64)
"""From OpenSSL's x509_vfy.h: host name mismatch, IP address mismatch."""


def protocol(properties: Mapping[str, Any]) -> str:
    """The client's `security.protocol`, in capitals as Kafka writes it."""
    return str(properties.get("security.protocol", "plaintext")).upper()


def listening(properties: Mapping[str, Any]) -> Address | None:
    """The first of the client's addresses that accepts connections; it need not be a broker.

    Args:
        properties: Properties of the client.
    """
    deadline = time.monotonic() + TIMEOUT
    for server in str(properties["bootstrap.servers"]).split(","):
        address = _address(server)
        left = deadline - time.monotonic()
        if address is None or left <= 0:
            continue
        try:
            socket.create_connection(address, left).close()
        except OSError:
            continue
        return address
    return None


def unreachable(address: Address) -> str | None:
    """Why a connection to an address fails, as the end of a sentence; None if it does not fail."""
    try:
        socket.create_connection(address, TIMEOUT).close()
    except socket.gaierror:
        return "cannot be resolved"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    return None


def tls_trouble(address: Address, properties: Mapping[str, Any]) -> str | None:
    """The reason why TLS fails at an address, and what to do; None if it does not fail.

    Args:
        address: Host and port that accept connections.
        properties: Properties of the client.
    """
    if "SSL" not in protocol(properties):
        return _unexpected_tls(address)
    return _handshake(address, properties)


def client_tls(properties: Mapping[str, Any]) -> ssl.SSLContext:
    """A context for a client of another library, which accepts and presents what librdkafka does.

    Raises:
        FatalKafkaError: A file cannot be read, or our certificate is in a format that Python lacks.
    """
    try:
        context = _context(properties)
        loaded = _load_certificate(context, properties)
    except (OSError, ValueError) as error:
        raise FatalKafkaError(
            f"TLS failed: check ssl.ca.location, ssl.certificate.location and ssl.key.location — "
            f"{error}"
        ) from None
    if not loaded and any(name in properties for name in UNREADABLE_FORMATS):
        raise FatalKafkaError(
            "our certificate cannot be read here: name PEM files in ssl.certificate.location and "
            f"ssl.key.location instead of setting {' or '.join(UNREADABLE_FORMATS)}"
        )
    return context


def _address(server: str) -> Address | None:
    """Host and port; a protocol may precede them, and an IPv6 address is in brackets."""
    try:
        parts = urlsplit("//" + server.strip().rpartition("://")[2])
        return (parts.hostname, parts.port or DEFAULT_PORT) if parts.hostname else None
    except ValueError:
        return None


def _handshake(address: Address, properties: Mapping[str, Any]) -> str | None:
    try:
        context = _context(properties)
        listen = REFUSAL_TIMEOUT if _load_certificate(context, properties) else None
        _shake_hands(address, context, listen)
    except ssl.SSLCertVerificationError as error:
        return f"the certificate of {address[0]}:{address[1]} {_fault(error, address[0])}"
    except ssl.SSLError as error:
        return _alert(error.reason or "", address, properties)
    except (OSError, ValueError):
        pass
    return None


def _context(properties: Mapping[str, Any]) -> ssl.SSLContext:
    """A context that accepts what librdkafka accepts with these properties.

    Raises:
        OSError: The authorities cannot be read.
        ValueError: The same.
    """
    location, pem = properties.get("ssl.ca.location"), properties.get("ssl.ca.pem")
    if location == PROBE:
        location = None
    is_folder = location is not None and Path(location).is_dir()
    context = ssl.create_default_context(
        cafile=None if is_folder else location, capath=location if is_folder else None, cadata=pem
    )
    if location is None and pem is None:
        for path in filter(os.path.exists, SYSTEM_AUTHORITIES):
            context.load_verify_locations(path)
    # Python 3.13 sets this flag, and librdkafka does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if str(properties.get("ssl.endpoint.identification.algorithm", "https")) == "none":
        context.check_hostname = False
    if str(properties.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_certificate(context: ssl.SSLContext, properties: Mapping[str, Any]) -> bool:
    """Load the certificate that the client presents; False if Python cannot read its format."""
    if any(name in properties for name in UNREADABLE_FORMATS):
        return False
    if "ssl.certificate.location" in properties:
        context.load_cert_chain(
            properties["ssl.certificate.location"],
            properties.get("ssl.key.location"),
            # Without a password, Python would prompt for it on the terminal.
            properties.get("ssl.key.password", ""),
        )
    return True


def _fault(error: ssl.SSLCertVerificationError, host: str) -> str:
    """The defect of the broker's certificate, and what to do."""
    if error.verify_code == EXPIRED:
        return "has expired: renew it on the broker"
    if error.verify_code == NOT_YET_VALID:
        return "is not valid yet: check the clocks of both machines"
    if error.verify_code in OTHER_NAME:
        return (
            f"is made out to another name: connect by a name that it holds, or add '{host}' to its "
            "subjectAltName"
        )
    return (
        f"is not signed by an authority of ssl.ca.location ({error.verify_message}): name the file "
        "with the right one"
    )


def _alert(reason: str, address: Address, properties: Mapping[str, Any]) -> str | None:
    """The meaning of an alert from the broker, and what to do; None if it has another cause."""
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return f"{address[0]}:{address[1]} does not speak TLS: check security.protocol"
    if "ALERT" not in reason or not any(word in reason for word in CERTIFICATE_ALERTS):
        return None
    if "ssl.certificate.location" not in properties:
        return (
            "the broker requires a client certificate: set ssl.certificate.location and "
            "ssl.key.location"
        )
    return (
        f"the broker refuses our certificate, ssl.certificate.location ({reason}): check "
        "whether it has expired, and whether the broker trusts its authority"
    )


def _unexpected_tls(address: Address) -> str | None:
    """What to do if an address speaks TLS and the client does not; None if it does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _shake_hands(address, context)
    except OSError:
        return None
    return (
        f"{address[0]}:{address[1]} speaks TLS: set security.protocol to SSL or SASL_SSL, and "
        "ssl.ca.location to the certificate of its authority"
    )


def _shake_hands(address: Address, context: ssl.SSLContext, listen: float | None = None) -> None:
    """Make a handshake; then listen for some seconds, as TLS 1.3 refuses our certificate after it.

    Raises:
        OSError: The handshake fails, or the broker refuses us after it.
    """
    with (
        socket.create_connection(address, TIMEOUT) as connection,
        context.wrap_socket(connection, server_hostname=address[0]) as wrapped,
    ):
        if listen is not None:
            wrapped.settimeout(listen)
            wrapped.recv(1)
