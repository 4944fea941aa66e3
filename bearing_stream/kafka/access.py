"""Check this user's permissions at the start, not hours later when an operation needs one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka.errors import FatalKafkaError

UNKNOWN_USER: Final = "this user"


class Need(NamedTuple):
    """An operation on a topic or a group that the program needs, named as in an ACL."""

    operation: Literal["READ", "WRITE"]
    kind: Literal["topic", "group"]
    name: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} '{self.name}'"


@dataclass(frozen=True, slots=True)
class TopicCheck:
    """The result of a check of topics."""

    absent: tuple[str, ...] = ()
    refused: tuple[Need, ...] = ()
    """Operations that this user may not perform."""
    failed: Mapping[str, KafkaError] = field(default_factory=dict)
    """Topic that the cluster does not describe → the reason."""


def principal(properties: Mapping[str, Any]) -> str:
    """The client's principal, as ACLs name it; `UNKNOWN_USER` if the properties do not state it."""
    sasl = str(properties.get("security.protocol", "")).upper().startswith("SASL")
    name = properties.get("sasl.username") if sasl else None
    return f"User:{name}" if name else UNKNOWN_USER


def check_topics(admin: AdminClient, needs: Iterable[Need], timeout: float) -> TopicCheck:
    """Check which of these topics are missing or fail, and which operations on them are refused.

    Args:
        admin: A client that connects as the user to check.
        needs: Operations on topics.
        timeout: Seconds to wait for the response.

    Raises:
        KafkaException: There was no response.
    """
    absent: set[str] = set()
    refused: list[Need] = []
    failed: dict[str, KafkaError] = {}
    needs = list(needs)
    names = TopicCollection(sorted({need.name for need in needs}))
    responses = admin.describe_topics(
        names, include_authorized_operations=True, request_timeout=timeout
    )
    for need in needs:
        try:
            allowed = responses[need.name].result().authorized_operations
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() < 0:
                # The client's own error: no broker responded.
                raise
            if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                refused.append(need)
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                absent.add(need.name)
            else:
                failed[need.name] = error
        else:
            # A user who can describe a topic has some operation on it; an empty set is that of an
            # old broker, which does not report operations.
            if allowed and need.operation not in _names(allowed):
                refused.append(need)
    return TopicCheck(tuple(sorted(absent)), tuple(refused), failed)


def refuses_group(admin: AdminClient, group: str, timeout: float) -> bool:
    """Whether the cluster reports that this user may not join the group.

    Args:
        admin: A client that connects as the user to check.
        group: Need not exist.
        timeout: Seconds to wait for the response; without one the result is False.
    """
    responses = admin.describe_consumer_groups(
        [group], include_authorized_operations=True, request_timeout=timeout
    )
    try:
        allowed = responses[group].result().authorized_operations
    except KafkaException as failure:
        return bool(failure.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED)
    return bool(allowed) and "READ" not in _names(allowed)


def refusal(properties: Mapping[str, Any], refused: Iterable[Need]) -> FatalKafkaError:
    """An error of one line that names the principal and the ACLs that it lacks."""
    user = principal(properties)
    placeholder = user if user != UNKNOWN_USER else "PRINCIPAL"
    return FatalKafkaError(
        f"{user} lacks ACLs: {', '.join(map(str, refused))}: grant each with kafka-acls.sh --add "
        f"--allow-principal {placeholder} --operation … (SECURITY.md has the commands)"
    )


def _names(operations: Iterable[Any]) -> set[str]:
    return {operation.name for operation in operations}
