"""TLS, mutual TLS, SCRAM and OAuth on a real Kafka: who may log in, and which error others get."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from bearing_stream.kafka import create_topics, startup, wait_for_topics
from bearing_stream.kafka.probe import listening, tls_trouble
from bearing_stream.local_kafka.ports import HOST
from consumer.events import FAILED
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics, eventually
from tests.security.certificates import Authority, Certificate
from tests.security.cluster import Cluster, as_environment, only_line, run
from tests.security.documented import binding
from tests.security.identity_provider import SECRET, token_endpoint
from tools.deploy.acls import documented_grants

pytestmark = pytest.mark.integration

NO_TOPICS = Topics("", "", "", "", "")

PATIENCE: Final = 60.0
"""Seconds within which a process must start and report that it is refused; it takes three."""

CONNECTING = {
    "simulate": ("simulate", "--source=synthetic"),
    "watch": ("watch",),
    "verify": ("verify",),
    "list": ("dead-letters", "list"),
    "redrive": ("dead-letters", "redrive"),
}

DIAGNOSES = documented_grants()["watch"]


def refused(properties: dict[str, str]) -> str:
    """The error with which `bearing-stream consume` ends, run as a process."""
    begun = time.monotonic()
    environment = as_environment(properties)
    with ConsumerProcess(NO_TOPICS, environment=environment, defaults=False) as consumer:
        assert consumer.wait(PATIENCE) == 1
    assert time.monotonic() - begun < PATIENCE
    assert [line["event"] for line in consumer.events()] == [FAILED.name], consumer.output
    assert len(consumer.output) == 1
    return str(consumer.events()[0]["error"])


@pytest.fixture
def foreign_authority(folder: Path) -> str:
    """The certificate of an authority that did not sign the broker's."""
    return str(Authority().write(folder / "foreign.pem"))


@pytest.fixture
def expired(cluster: Cluster, authority: Authority) -> Iterator[None]:
    """The broker presents an expired certificate until the test ends."""
    _present(cluster, authority.issue(HOST, expired=True))
    eventually(lambda: _tls_trouble(cluster) is not None, "the broker to present it")
    yield
    _present(cluster, authority.issue(HOST))
    eventually(lambda: _tls_trouble(cluster) is None, "the broker to present a valid one again")


def _present(cluster: Cluster, certificate: Certificate) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in certificate.broker_properties().items()
    ]
    broker = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=entries)
    for altered in cluster.admin.incremental_alter_configs([broker]).values():
        altered.result()


def _tls_trouble(cluster: Cluster) -> str | None:
    address = listening(cluster.properties())
    assert address
    return tls_trouble(address, cluster.properties())


def test_a_wrong_password(cluster: Cluster) -> None:
    line = refused(cluster.properties(sasl_password="wrong"))
    assert "check sasl.username, sasl.password and sasl.mechanism" in line


def test_a_certificate_of_another_authority(cluster: Cluster, foreign_authority: str) -> None:
    line = refused(cluster.properties(ssl_ca_location=foreign_authority))
    assert "is not signed by an authority of ssl.ca.location" in line


def test_a_folder_of_authorities_and_a_slow_first_check(
    cluster: Cluster, authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe runs where the first metadata takes too long, here always."""
    (folder / "authorities").mkdir()
    file = authority.write(folder / "authorities" / "ca.pem")
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(file)]
    named = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    file.rename(file.with_name(f"{named}.0"))
    monkeypatch.setattr(startup, "FIRST_CHECK_TIMEOUT", 0.001)
    waited: list[str] = []
    properties = cluster.properties(ssl_ca_location=str(file.parent))
    wait_for_topics(properties, (), 30, waited.append)
    assert waited


def test_the_authorities_of_the_system(cluster: Cluster) -> None:
    line = refused(cluster.properties(ssl_ca_location="probe"))
    assert "is not signed by an authority of ssl.ca.location" in line


def test_a_certificate_for_another_name(cluster: Cluster) -> None:
    servers = cluster.kafka.bootstrap_servers.replace(HOST, "localhost")
    line = refused(cluster.properties(bootstrap_servers=servers))
    assert "is made out to another name" in line
    assert "'localhost'" in line


@pytest.mark.usefixtures("expired")
def test_a_certificate_that_has_expired(cluster: Cluster) -> None:
    line = refused(cluster.properties())
    assert f"the certificate of {cluster.kafka.bootstrap_servers} has expired" in line


@pytest.mark.parametrize("command", CONNECTING)
def test_a_wrong_password_with_other_commands(command: str, cluster: Cluster) -> None:
    line = only_line(run(cluster.properties(sasl_password="wrong"), *CONNECTING[command]))
    assert "check sasl.username, sasl.password and sasl.mechanism" in line


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_a_client_without_tls(protocol: str, cluster: Cluster) -> None:
    line = only_line(run(cluster.properties(security_protocol=protocol), "watch"))
    assert "speaks TLS: set security.protocol to SSL or SASL_SSL" in line


def test_a_client_without_a_login(cluster: Cluster) -> None:
    properties = cluster.properties(security_protocol="SSL")
    line = only_line(run(properties, "watch", "--startup-timeout=2"))
    assert "is security.protocol (SSL) that of this listener?" in line
    assert "waited 2 s" in line


def oauth(cluster: Cluster, url: str, client: str, secret: str) -> dict[str, str]:
    return cluster.properties(
        sasl_username=None, sasl_password=None, sasl_mechanism="OAUTHBEARER"
    ) | {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": url,
        "sasl.oauthbearer.client.id": client,
        "sasl.oauthbearer.client.secret": secret,
    }


@pytest.fixture
def diagnoses(cluster: Cluster) -> str:
    """A topic that no SCRAM user may read."""
    create_topics(cluster.kafka.client_properties, {"by-token": 1})
    return "--diagnoses-topic=by-token"


def test_a_token_authenticates_its_user(cluster: Cluster, diagnoses: str) -> None:
    with token_endpoint() as url:
        properties = oauth(cluster, url, "ann", SECRET)
        line = only_line(run(properties, "watch", diagnoses))
        assert "lacks ACLs: READ on topic 'by-token'" in line
        cluster.grant([binding(grant, "ann", name="by-token") for grant in DIAGNOSES])
        done = run(properties, "watch", diagnoses, "--until-idle=0.1")
    assert done.exit_code == 0, done.output


def test_a_wrong_client_secret_gets_no_token(cluster: Cluster) -> None:
    with token_endpoint() as url:
        properties = oauth(cluster, url, "ann", "of another")
        line = only_line(run(properties, "watch", "--startup-timeout=2"))
    assert "the identity provider issues no token" in line
    assert "check sasl.oauthbearer.token.endpoint.url" in line
    assert "invalid_client" in line


def test_oauth_without_a_token_endpoint(cluster: Cluster) -> None:
    properties = cluster.properties(sasl_mechanism="OAUTHBEARER")
    line = only_line(run(properties, "watch"), status=2)
    assert "sasl.oauthbearer.method=oidc" in line


def certified(mutual: Cluster, certificate: Certificate, folder: Path, name: str) -> dict[str, str]:
    return mutual.properties() | certificate.client_properties(folder, name)


def test_a_certificate_authenticates_its_user(
    mutual: Cluster, authority: Authority, folder: Path
) -> None:
    create_topics(mutual.kafka.client_properties, {"bearing.diagnoses": 1})
    properties = certified(mutual, authority.issue("ann"), folder, "ann")
    assert "READ on topic 'bearing.diagnoses'" in only_line(run(properties, "watch"))
    mutual.grant([binding(grant, "ann") for grant in DIAGNOSES])
    done = run(properties, "watch", "--until-idle=0.1")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("whose", ["nobody's", "expired", "foreign"])
def test_a_wrong_client_certificate_is_refused(
    whose: str, mutual: Cluster, authority: Authority, folder: Path
) -> None:
    if whose == "nobody's":
        properties = mutual.properties(ssl_certificate_location=None, ssl_key_location=None)
    else:
        issuer = authority if whose == "expired" else Authority()
        certificate = issuer.issue("ann", expired=whose == "expired")
        properties = certified(mutual, certificate, folder, whose)
    line = only_line(run(properties, "watch"))
    assert "TLS failed" in line
    assert ("requires" if whose == "nobody's" else "refuses") in line
    assert "ssl.certificate.location" in line
