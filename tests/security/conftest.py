"""Clusters shared by all tests of security; each takes seconds to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka
from bearing_stream.local_kafka.ports import HOST
from tests.security.certificates import Authority
from tests.security.cluster import ADMIN, HEAP, Cluster, mutual_tls, sasl


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def authority_file(authority: Authority, folder: Path) -> Path:
    return authority.write(folder / "ca.pem")


@pytest.fixture(scope="session")
def cluster(authority: Authority, authority_file: Path) -> Iterator[Cluster]:
    """SCRAM and OAuth over TLS, and ACLs."""
    security = sasl(authority.issue(HOST), authority_file)
    with LocalKafka(security=security, heap=HEAP) as kafka:
        yield Cluster(kafka)


@pytest.fixture(scope="session")
def mutual(authority: Authority, authority_file: Path, folder: Path) -> Iterator[Cluster]:
    """Mutual TLS, and ACLs."""
    client = authority.issue(ADMIN).client_properties(folder, ADMIN)
    client["ssl.ca.location"] = str(authority_file)
    security = mutual_tls(authority.issue(HOST), client, authority)
    with LocalKafka(security=security, heap=HEAP) as kafka:
        yield Cluster(kafka)
