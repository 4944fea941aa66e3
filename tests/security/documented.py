"""The grants of SECURITY.md, as users copy them."""

import shlex
from dataclasses import dataclass
from itertools import takewhile

from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from tests.paths import ROOT

SECURITY = ROOT / "SECURITY.md"

KINDS = {
    "--topic": ResourceType.TOPIC,
    "--group": ResourceType.GROUP,
    "--transactional-id": ResourceType.TRANSACTIONAL_ID,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One line: an operation on a resource."""

    operation: str
    kind: str
    name: str
    pattern: str

    def to(self, user: str, name: str | None = None) -> AclBinding:
        """The grant for a user, as Kafka's admin client takes it; `name` replaces the resource."""
        return AclBinding(
            KINDS[self.kind],
            name or self.name,
            ResourcePatternType[self.pattern.upper()],
            f"User:{user}",
            "*",
            AclOperation[self.operation.upper()],
            AclPermissionType.ALLOW,
        )

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}"


def grants() -> dict[str, list[Grant]]:
    """Command → its grants, by the first words of the comment above them."""
    _, block = SECURITY.read_text(encoding="utf-8").split("<!-- acls -->")
    lines = iter(block.split("<!-- end -->")[0].splitlines())
    found: dict[str, list[Grant]] = {}
    for line in lines:
        if line.startswith("# "):
            title = line.removeprefix("# ").split(",")[0].split(";")[0]
            found[title] = [_grant(each) for each in takewhile(str.strip, lines) if each != "```"]
    return found


def _grant(line: str) -> Grant:
    command, user, *options = shlex.split(line)
    assert command == "grant", line
    assert user.startswith("User:"), line
    named = dict(zip(options[::2], options[1::2], strict=True))
    operation = named.pop("--operation")
    pattern = named.pop("--resource-pattern-type", "literal")
    [(kind, name)] = named.items()
    return Grant(operation, kind, name, pattern)
