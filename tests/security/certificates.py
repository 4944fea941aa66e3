"""Certificates for tests, in the forms that Kafka and librdkafka take."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its key."""

    chain: bytes
    key: bytes
    """PKCS 8, the only form in which Java takes a key as PEM."""

    def client_properties(self, folder: Path, name: str) -> dict[str, str]:
        """Properties for librdkafka, which takes files; writes them."""
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(self.chain)
        key.write_bytes(self.key)
        return {"ssl.certificate.location": str(chain), "ssl.key.location": str(key)}

    def broker_properties(self) -> dict[str, str]:
        """Properties for a broker, which takes the certificate itself."""
        return {
            "listener.name.client.ssl.keystore.type": "PEM",
            "listener.name.client.ssl.keystore.certificate.chain": self.chain.decode(),
            "listener.name.client.ssl.keystore.key": self.key.decode(),
        }


class Authority:
    """A certificate authority that only one test trusts."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.certificate: bytes = self._ca.cert_pem.bytes()

    def write(self, path: Path) -> Path:
        """Write the authority's own certificate and return `path`."""
        path.write_bytes(self.certificate)
        return path

    def issue(self, name: str, *, expired: bool = False) -> Certificate:
        """A certificate for a host name, an address or a user."""
        leaf = self._ca.issue_cert(
            name,
            common_name=name,
            # Kafka accepts another certificate for a running broker only with the same subject.
            organization_unit_name="tests",
            not_before=LONG_AGO if expired else None,
            not_after=YESTERDAY if expired else None,
        )
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        return Certificate(
            b"".join(blob.bytes() for blob in leaf.cert_chain_pems),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
