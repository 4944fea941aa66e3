"""The rendered manifests, and those of the custom resources: their operators' schemas, in short."""

from functools import cache
from typing import Any, Final

import yaml

from tools.deploy.render import rendered

Manifest = dict[str, Any]


@cache
def manifests(case: str) -> list[Manifest]:
    """Return the objects of an example, as committed."""
    text = rendered(case).read_text(encoding="utf-8")
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(case: str, kind: str) -> dict[str, Manifest]:
    """Return name → object."""
    return {each["metadata"]["name"]: each for each in manifests(case) if each["kind"] == kind}


def workloads(case: str) -> dict[str, Manifest]:
    """Return the component of each StatefulSet and Deployment → it."""
    found = of_kind(case, "StatefulSet") | of_kind(case, "Deployment")
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in found.values()
    }


def container(workload: Manifest) -> Manifest:
    """Return the only container of a workload."""
    [only] = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(workload: Manifest) -> dict[str, Any]:
    """Return variable → value; None for one that Kubernetes fills in."""
    return {each["name"]: each.get("value") for each in container(workload)["env"]}


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


TEXT: Final = {"type": "string", "minLength": 1}
COUNT: Final = {"type": "integer", "minimum": 1}
OPERATIONS: Final = ["Read", "Write", "Create", "Describe", "DescribeConfigs"]

SPECIFICATIONS: Final = {
    ("kafka.strimzi.io/v1", "KafkaTopic"): _closed(
        ["topicName", "partitions", "replicas"],
        topicName=TEXT,
        partitions=COUNT,
        replicas=COUNT,
        config={"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
    ),
    ("kafka.strimzi.io/v1", "KafkaUser"): _closed(
        ["authentication", "authorization"],
        authentication=_closed(["type"], type={"enum": ["tls", "scram-sha-512"]}),
        authorization=_closed(
            ["type", "acls"],
            type={"const": "simple"},
            acls={
                "type": "array",
                "minItems": 1,
                "items": _closed(
                    ["resource", "operations"],
                    resource=_closed(
                        ["type", "name", "patternType"],
                        type={"enum": ["topic", "group", "transactionalId"]},
                        name=TEXT,
                        patternType={"enum": ["literal", "prefix"]},
                    ),
                    operations={"type": "array", "minItems": 1, "items": {"enum": OPERATIONS}},
                ),
            },
        ),
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): _closed(
        ["scaleTargetRef", "triggers"],
        scaleTargetRef=_closed(["name"], apiVersion=TEXT, kind=TEXT, name=TEXT),
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        pollingInterval=COUNT,
        fallback=_closed(
            ["failureThreshold", "replicas"],
            failureThreshold=COUNT,
            replicas=COUNT,
            behavior={"enum": ["currentReplicasIfHigher"]},
        ),
        advanced={"type": "object"},
        triggers={
            "type": "array",
            "items": _closed(
                ["type", "metadata"],
                type={"const": "prometheus"},
                # KEDA takes texts only.
                metadata={"type": "object", "additionalProperties": TEXT},
            ),
        },
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _closed(
        ["selector", "endpoints"],
        selector={"type": "object"},
        endpoints={"type": "array", "items": _closed(["port"], port=TEXT, interval=TEXT)},
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _closed(["groups"], groups={"type": "array"}),
}
"""API version and kind → the schema of `spec`, of what the chart uses, as the CRDs define it."""
