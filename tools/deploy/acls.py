"""The ACLs of SECURITY.md, as users copy them, and as Strimzi's KafkaUser takes them."""

import json
import shlex
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

USERS: Final = {
    "consumer": "consume",
    "alarms": "alarms",
    "notify": "alarms notify",
    "page": "page",
    "alarms-on-page": "alarms on the page",
    "producer": "simulate",
}
"""The chart's user → the command in SECURITY.md whose ACLs it gets; `alarms-on-page` is what the
page gets in addition where there are alarms."""

TYPES: Final = {
    "--topic": "topic",
    "--group": "group",
    "--transactional-id": "transactionalId",
}
"""Option of kafka-acls.sh → Strimzi's type of a resource."""

RESOURCES: Final = {
    "bearing.windows": "windows",
    "bearing.diagnoses": "diagnoses",
    "bearing.dead-letters": "dead-letters",
    "bearing.alarms": "alarms",
    "bearing.alarm-events": "alarm-events",
    "bearing.alarm-commands": "alarm-commands",
    "bearing.alarm-state": "alarm-state",
    "bearing-stream": "group",
    "bearing-stream-": "transactional-ids",
    "bearing-stream-alarms": "alarms-group",
    "bearing-stream-alarms-": "alarms-transactional-ids",
    "bearing-stream-notify-": "notify-groups",
}
"""Default name → what the chart calls it, since its values can change the name."""

PATTERNS: Final = {"literal": "literal", "prefixed": "prefix"}
"""Kafka's type of a pattern → Strimzi's."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of SECURITY.md: an operation on a resource."""

    operation: str
    kind: str
    """The option of kafka-acls.sh that names the resource."""
    name: str
    pattern: str
    """`literal` or `prefixed`."""

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}"


def documented_grants() -> dict[str, list[Grant]]:
    """Command → its grants, by the first words of the comment above them."""
    _, block = (ROOT / "SECURITY.md").read_text(encoding="utf-8").split("<!-- acls -->")
    lines = iter(block.split("<!-- end -->")[0].splitlines())
    found: dict[str, list[Grant]] = {}
    for line in lines:
        if line.startswith("# "):
            title = line.removeprefix("# ").split(",")[0].split(";")[0]
            found[title] = [_grant(each) for each in takewhile(str.strip, lines) if each != "```"]
    return found


def chart_acls() -> str:
    """Return the file of the chart: user → its ACLs, in JSON."""
    documented = documented_grants()
    acls = {
        user: [
            {
                "type": TYPES[grant.kind],
                "resource": RESOURCES[grant.name],
                "patternType": PATTERNS[grant.pattern],
                "operation": grant.operation,
            }
            for grant in documented[command]
        ]
        for user, command in USERS.items()
    }
    return json.dumps(acls, indent=2) + "\n"


def _grant(line: str) -> Grant:
    command, user, *options = shlex.split(line)
    assert command == "grant", line
    assert user.startswith("User:"), line
    named = dict(zip(options[::2], options[1::2], strict=True))
    operation = named.pop("--operation")
    pattern = named.pop("--resource-pattern-type", "literal")
    [(kind, name)] = named.items()
    return Grant(operation, kind, name, pattern)
