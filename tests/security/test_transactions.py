"""`bearing-stream transactions` logs in like every command, and needs the ACLs of SECURITY.md."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from bearing_stream.commands.transactions.client import Requests
from bearing_stream.commands.transactions.finding import OpenTransaction, Place, State
from bearing_stream.kafka import FatalKafkaError, create_topics
from tests.bearing_stream.commands.transactions.open_transactions import killed_producer
from tests.security.cluster import ADMIN, Cluster, login, only_line, run
from tests.security.identity_provider import SECRET, token_endpoint

pytestmark = pytest.mark.integration

NAMES = ("windows", "diagnoses", "dead-letters")
DESCRIBE, WRITE = AclOperation.DESCRIBE, AclOperation.WRITE


@dataclass(frozen=True)
class Stage:
    """Three topics, and a producer killed within a transaction in one of them."""

    cluster: Cluster
    name: str

    def user(self, *operations: AclOperation, alter: bool = False) -> dict[str, str]:
        """Properties of a user who may read the topics, and these of the transactional id."""
        acls = [
            _allowed(ResourceType.TOPIC, self.name, AclOperation.READ),
            *(_allowed(ResourceType.TRANSACTIONAL_ID, self.name, each) for each in operations),
        ]
        if alter:
            acls.append(_allowed(ResourceType.BROKER, "kafka-cluster", AclOperation.ALTER))
        return self.cluster.kafka.client_properties | login(self.cluster.new_user(acls))

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line, for transactions of any age."""
        topics = [f"--{each}-topic={self.name}-{each}" for each in NAMES]
        return ["transactions", name, "--json", "--older-than=1ms", *topics, *arguments]


def _allowed(kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL
        if kind is ResourceType.BROKER
        else ResourcePatternType.PREFIXED,
        "User:anybody",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )


@pytest.fixture
def stage(cluster: Cluster) -> Iterator[Stage]:
    name = f"transactions-{uuid.uuid4().hex[:8]}"
    properties = cluster.kafka.client_properties
    create_topics(properties, {f"{name}-{each}": 1 for each in NAMES})
    killed_producer(properties, f"{name}-killed", f"{name}-diagnoses")
    yield Stage(cluster, name)
    run(properties, *Stage(cluster, name).command("abort", "--execute"))


def test_the_documented_acls_are_enough_and_each_is_needed(stage: Stage) -> None:
    blind = run(stage.user(), *stage.command("list"))
    assert [each["state"] for each in json.loads(blind.stdout)] == ["unknown"]

    reader = stage.user(DESCRIBE)
    listed = run(reader, *stage.command("list"))
    assert [each["state"] for each in json.loads(listed.stdout)] == ["ongoing"]
    line = only_line(run(reader, *stage.command("abort", "--execute")))
    assert f"transactional id '{stage.name}-killed'" in line
    assert "grant WRITE" in line

    operator = stage.user(DESCRIBE, WRITE)
    done = run(operator, *stage.command("abort", "--execute"))
    assert [each["aborted"] for each in json.loads(done.stdout)] == [True]
    assert json.loads(run(operator, *stage.command("list")).stdout) == []


def test_a_hanging_one_takes_alter_on_the_cluster(stage: Stage) -> None:
    place = Place(f"{stage.name}-diagnoses", 0)
    transaction = OpenTransaction(State.HANGING, 1, 0, 0, 2000.0, {place: 0})
    with (
        closing(Requests(stage.user(DESCRIBE, WRITE))) as requests,
        pytest.raises(FatalKafkaError, match=r"may not abort.* ClusterAuthorizationFailed"),
    ):
        requests.write_abort_marker(place, transaction)
    with closing(Requests(stage.user(alter=True))) as requests:
        requests.write_abort_marker(place, transaction)


def test_it_logs_in_with_oauth(stage: Stage) -> None:
    with token_endpoint() as endpoint:
        properties = stage.cluster.properties(
            sasl_mechanism="OAUTHBEARER",
            sasl_username=None,
            sasl_password=None,
            sasl_oauthbearer_method="oidc",
            sasl_oauthbearer_token_endpoint_url=endpoint,
            sasl_oauthbearer_client_id=ADMIN,
            sasl_oauthbearer_client_secret=SECRET,
        )
        listed = run(properties, *stage.command("list"))
    assert listed.exit_code == 0, listed.output
    assert len(json.loads(listed.stdout)) == 1


def test_it_presents_a_client_certificate(mutual: Cluster) -> None:
    properties = mutual.kafka.client_properties
    name = f"certificate-{uuid.uuid4().hex[:8]}"
    create_topics(properties, {f"{name}-{each}": 1 for each in NAMES})
    listed = run(properties, *Stage(mutual, name).command("list"))
    assert listed.exit_code == 0, listed.output
    assert json.loads(listed.stdout) == []
