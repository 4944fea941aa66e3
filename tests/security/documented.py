"""The grants of SECURITY.md as Kafka's admin client takes them."""

from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from tools.deploy.acls import Grant

KINDS = {
    "--topic": ResourceType.TOPIC,
    "--group": ResourceType.GROUP,
    "--transactional-id": ResourceType.TRANSACTIONAL_ID,
}


def binding(grant: Grant, user: str, name: str | None = None) -> AclBinding:
    """Return the grant for a user; `name` replaces the resource."""
    return AclBinding(
        KINDS[grant.kind],
        name or grant.name,
        ResourcePatternType[grant.pattern.upper()],
        f"User:{user}",
        "*",
        AclOperation[grant.operation.upper()],
        AclPermissionType.ALLOW,
    )
