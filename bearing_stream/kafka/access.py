"""What the cluster lets this user do, asked before it is needed: at the start, not hours later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka.errors import FatalKafkaError

UNKNOWN_USER: Final = "this user"


class Need(NamedTuple):
    """An operation on a topic or a group, as an ACL names them."""

    operation: Literal["READ", "WRITE"]
    kind: Literal["topic", "group"]
    name: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} '{self.name}'"


@dataclass(frozen=True, slots=True)
class Topics:
    """What was found out about topics."""

    absent: tuple[str, ...]
    refused: tuple[Need, ...]


def principal(properties: Mapping[str, Any]) -> str:
    """Whom Kafka takes a client for, as its ACLs name users, where the properties tell."""
    sasl = str(properties.get("security.protocol", "")).upper().startswith("SASL")
    name = properties.get("sasl.username") if sasl else None
    return f"User:{name}" if name else UNKNOWN_USER


def look_at_topics(admin: AdminClient, needs: Iterable[Need], timeout: float) -> Topics:
    """Which of these topics are not there, and which operations on them are refused.

    Args:
        admin: A client of the user concerned.
        needs: Operations on topics.
        timeout: Seconds to wait for the answer.

    Raises:
        KafkaException: There was no answer.
    """
    absent, refused = set(), []
    needs = list(needs)
    asked = TopicCollection(sorted({need.name for need in needs}))
    answers = admin.describe_topics(
        asked, include_authorized_operations=True, request_timeout=timeout
    )
    for need in needs:
        try:
            allowed = answers[need.name].result().authorized_operations
        except KafkaException as failure:
            code = failure.args[0].code()
            if code < 0:
                # The client's own error: nobody answered.
                raise
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                refused.append(need)
            else:
                absent.add(need.name)
        else:
            # Whoever may see a topic may do something; nothing at all is an old broker's silence.
            if allowed and need.operation not in _names(allowed):
                refused.append(need)
    return Topics(tuple(sorted(absent)), tuple(refused))


def refuses_group(admin: AdminClient, group: str, timeout: float) -> bool:
    """Whether the cluster certainly does not let this user into the group.

    Args:
        admin: A client of the user concerned.
        group: Need not exist.
        timeout: Seconds to wait for the answer; without one, nothing is certain.
    """
    asked = admin.describe_consumer_groups(
        [group], include_authorized_operations=True, request_timeout=timeout
    )
    try:
        allowed = asked[group].result().authorized_operations
    except KafkaException as failure:
        return bool(failure.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED)
    return bool(allowed) and "READ" not in _names(allowed)


def refusal(properties: Mapping[str, Any], refused: Iterable[Need]) -> FatalKafkaError:
    """One line that names the ACLs that are missing, and whose they are."""
    who = principal(properties)
    whom = who if who != UNKNOWN_USER else "PRINCIPAL"
    return FatalKafkaError(
        f"{who} lacks ACLs: {', '.join(map(str, refused))}: grant each with kafka-acls.sh --add "
        f"--allow-principal {whom} --operation … (SECURITY.md has the commands)"
    )


def _names(operations: Iterable[Any]) -> set[str]:
    return {operation.name for operation in operations}
