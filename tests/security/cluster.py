"""A local Kafka with TLS, SCRAM, OAuth and ACLs that denies by default."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from click.testing import CliRunner, Result
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter

from bearing_stream.cli import main
from bearing_stream.local_kafka import LocalKafka, Security
from tests.kafka_tools import eventually
from tests.security.certificates import Authority, Certificate

ADMIN = "admin"
USERS = (ADMIN, *(f"user-{number}" for number in range(60)))
"""Created with the cluster; each test uses users of its own."""

HEAP = "384m"

_LOGIN = "org.apache.kafka.common.security.{}LoginModule required;"


def password(user: str) -> str:
    """Return the password of a user of the cluster."""
    return f"password of {user}"


def sasl(certificate: Certificate, authority: Path) -> Security:
    """SCRAM and OAuth over TLS. Kafka's validator for development accepts any OAuth token."""
    users = (f"SCRAM-SHA-512=[name={user},password={password(user)}]" for user in USERS)
    return Security(
        protocol="SASL_SSL",
        broker_properties={
            **certificate.broker_properties(),
            **_denying(ADMIN),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.client.scram-sha-512.sasl.jaas.config": _LOGIN.format("scram.Scram"),
            "listener.name.client.oauthbearer.sasl.jaas.config": _LOGIN.format(
                "oauthbearer.OAuthBearer"
            ),
        },
        client_properties={"ssl.ca.location": str(authority), **login(ADMIN)},
        format_arguments=tuple(word for user in users for word in ("--add-scram", user)),
    )


def mutual_tls(certificate: Certificate, client: dict[str, str], authority: Authority) -> Security:
    """TLS with a certificate on both sides; the common name of the client's is the user."""
    return Security(
        protocol="SSL",
        broker_properties={
            **certificate.broker_properties(),
            **_denying(ADMIN),
            "listener.name.client.ssl.client.auth": "required",
            "listener.name.client.ssl.truststore.type": "PEM",
            "listener.name.client.ssl.truststore.certificates": authority.certificate.decode(),
            "listener.name.client.ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
        },
        client_properties=client,
    )


def _denying(admin: str) -> dict[str, str]:
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Brokers connect to each other without authentication, as the user ANONYMOUS.
        "super.users": f"User:{admin};User:ANONYMOUS",
    }


def login(user: str) -> dict[str, str]:
    """Properties of a client that logs in with SCRAM."""
    return {
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password(user),
    }


@dataclass
class Cluster:
    """A running Kafka with users."""

    kafka: LocalKafka

    def __post_init__(self) -> None:
        self.admin = AdminClient({**self.kafka.client_properties, "log_level": 0})
        self._free = iter(USERS[1:])

    def new_user(self, acls: Iterable[AclBinding] = ()) -> str:
        """Return an unused user with these ACLs, whose principals are replaced by this user."""
        user = next(self._free)
        mine = list(acls)
        for acl in mine:
            acl.principal = f"User:{user}"
        self.grant(mine)
        return user

    def grant(self, acls: list[AclBinding]) -> None:
        """Create ACLs, and wait until the broker applies them."""
        for created in self.admin.create_acls(acls).values() if acls else ():
            created.result()
        for acl in acls:
            exactly = AclBindingFilter(
                acl.restype,
                acl.name,
                acl.resource_pattern_type,
                acl.principal,
                acl.host,
                acl.operation,
                acl.permission_type,
            )
            eventually(partial(self._knows, exactly), "an ACL")

    def _knows(self, acl: AclBindingFilter) -> bool:
        return bool(self.admin.describe_acls(acl).result())

    def properties(self, **changed: str | None) -> dict[str, str]:
        """Properties to connect with, changed as given (`_` for `.`); None removes one."""
        given = {name.replace("_", "."): value for name, value in changed.items()}
        whole = {**self.kafka.client_properties, **given}
        return {name: value for name, value in whole.items() if value is not None}


def as_environment(properties: dict[str, str]) -> dict[str, str]:
    """Connection properties as environment variables, which keep passwords out of `ps`."""
    others = dict(properties)
    return {
        "BEARING_STREAM_BOOTSTRAP_SERVERS": others.pop("bootstrap.servers"),
        "BEARING_STREAM_KAFKA": json.dumps(others),
        "BEARING_STREAM_STARTUP_TIMEOUT": "20",
    }


def run(properties: dict[str, str], *arguments: str) -> Result:
    """Run `bearing-stream`, in this process, with these connection properties."""
    return CliRunner().invoke(main, list(arguments), env=as_environment(properties))


def only_line(result: Result, status: int = 1) -> str:
    """The one line with which a command failed."""
    assert result.exit_code == status, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    [line] = [line for line in result.output.splitlines() if "rror: " in line]
    assert line == result.output.splitlines()[-1]
    return line
