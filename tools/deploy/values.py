"""The chart's values: what each means, the table of the docs, and the schema that Helm checks.

All of it comes from `values.yaml`: a comment that begins with `# --` explains the key below it, and
the type follows from the default. `CONSTRAINTS` adds what a default cannot show.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.serve.settings import ApiSettings
from consumer.settings import ConsumerSettings

CHART: Final = Path(__file__).parents[2] / "deploy" / "helm" / "bearing-stream"

PORT: Final = {"minimum": 1, "maximum": 65535}
TEXTS: Final = {"items": {"type": "string", "minLength": 1}}
TOPICS: Final = (
    *("windows", "diagnoses", "deadLetters"),
    *("alarms", "alarmEvents", "alarmCommands", "alarmState"),
)
SCALAR: Final = {"type": ["string", "number", "boolean"]}
NAME: Final = {"pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"}
AMOUNT: Final = {"type": ["integer", "string"]}


def _settings(of: type[BaseModel], *set_by_chart: str) -> dict[str, Any]:
    """Return the schema of a component's settings, without those that other values set."""
    topics = ("windows", "diagnoses", "dead_letters")
    of_alarms = ("alarms", "alarm_events", "alarm_commands", "alarm_state")
    names = ["bootstrap_servers", "kafka", *(f"{name}_topic" for name in topics + of_alarms)]
    names += set_by_chart
    given = sorted(of.model_fields.keys() - names)
    described = of.model_json_schema()["properties"]
    return {
        "propertyNames": {"enum": given},
        "properties": {name: _scalar(described[name]) for name in given},
    }


def _scalar(described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a setting: a YAML value, or its text as an environment has it."""
    kinds = [one for one in described.get("anyOf", [described]) if one.get("type") != "null"]
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    match [one.get("type") for one in kinds]:
        case ["integer" | "number" as kind]:
            limits = {name: kinds[0][name] for name in bounds if name in kinds[0]}
            pattern = r"^-?\d+$" if kind == "integer" else r"^-?(\d+\.?\d*(e-?\d+)?|inf)$"
            return {"type": [kind, "string"], "pattern": pattern, **limits}
        case ["boolean"]:
            return {"type": ["boolean", "string"], "pattern": "^(true|false)$"}
        case ["string"] if "enum" in kinds[0]:
            return {"enum": kinds[0]["enum"]}
    return SCALAR


CONSTRAINTS: Final[dict[str, dict[str, Any]]] = {
    **dict.fromkeys(("nameOverride", "fullnameOverride"), NAME),
    "image.repository": {"minLength": 1},
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.pullSecrets": TEXTS,
    "commonLabels": {"additionalProperties": {"type": "string"}},
    "kafka.properties": {
        # Their place is a Secret.
        "propertyNames": {"not": {"pattern": "password|secret"}},
        "additionalProperties": {"type": ["string", "number"]},
    },
    "kafka.auth.type": {"enum": ["none", "tls", "scram-sha-512"]},
    **{f"topics.{name}": {"pattern": r"^[a-zA-Z0-9._-]{1,249}$"} for name in TOPICS},
    "consumer.replicas": {"minimum": 0},
    "consumer.group": {"minLength": 1},
    "consumer.settings": _settings(
        ConsumerSettings,
        "group",
        "instance_id",
        "metrics_host",
        "metrics_port",
        "sensor_table",
        "otlp",
    ),
    "consumer.metricsPort": PORT,
    "consumer.terminationGracePeriodSeconds": {"minimum": 15},
    "consumer.podDisruptionBudget.maxUnavailable": AMOUNT,
    "alarms.replicas": {"minimum": 0},
    "alarms.group": {"minLength": 1},
    "alarms.settings": _settings(
        AlarmSettings, "group", "instance_id", "metrics_host", "metrics_port", "rules", "otlp"
    ),
    "alarms.metricsPort": PORT,
    "alarms.terminationGracePeriodSeconds": {"minimum": 15},
    "alarms.podDisruptionBudget.maxUnavailable": AMOUNT,
    "notify.group": {"minLength": 1},
    "notify.settings": _settings(
        NotifySettings, "group", "metrics_host", "metrics_port", "receivers"
    ),
    "notify.metricsPort": PORT,
    "notify.terminationGracePeriodSeconds": {"minimum": 15},
    "page.settings": _settings(PageSettings, "host", "port", "token", "sensor_table"),
    "page.port": PORT,
    "serve.replicas": {"minimum": 0},
    "serve.settings": _settings(ApiSettings, "host", "port", "sensor_table"),
    "serve.port": PORT,
    "serve.podDisruptionBudget.maxUnavailable": AMOUNT,
    "strimzi.topics.partitions": {"minimum": 1},
    "strimzi.topics.replicas": {"minimum": 1},
    "strimzi.users.producers": TEXTS,
    "keda.minReplicas": {"minimum": 1},
    "keda.maxReplicas": {"minimum": 1},
    "keda.lagThreshold": {"minimum": 1},
    "keda.pollingInterval": {"minimum": 1},
    "keda.stabilizationSeconds": {"minimum": 0, "maximum": 3600},
    "monitoring.otlp.endpoint": {"pattern": "^(https?://.+)?$"},
    "monitoring.rules.runbooks": {"pattern": "^(https?://.+)?$"},
    "networkPolicy.receiverPorts": {"items": {"type": "integer", **PORT}, "minItems": 1},
    "networkPolicy.kafkaPorts": {"items": {"type": "integer", **PORT}, "minItems": 1},
}
"""Path of a value → what its schema holds in addition to, or in place of, the type."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the chart."""

    path: str
    """Keys from the top, with dots between them."""
    default: Any
    meaning: str


def values() -> list[Value]:
    """Return the chart's values, in the order of the file.

    Raises:
        ValueError: A value is not explained, or a comment explains none.
    """
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    meanings = dict(_meanings(text))
    found = list(_explained(yaml.safe_load(text), (), meanings))
    if idle := meanings.keys() - {each.path for each in found}:
        raise ValueError(f"values.yaml: these are explained and do not exist: {sorted(idle)}")
    return found


def table() -> str:
    """Return the Markdown table of all values."""
    rows = [
        f"| `{each.path}` | `{json.dumps(each.default)}` | {each.meaning.replace('|', '&#124;')} |"
        for each in values()
    ]
    return "\n".join(("| value | default | meaning |", "| --- | --- | --- |", *rows))


def schema() -> str:
    """Return `values.schema.json`, which Helm checks every installation against."""
    top = _section()
    for value in values():
        *sections, key = value.path.split(".")
        place = top
        for section in sections:
            place = place["properties"].setdefault(section, _section())
        typed = _typed(value.default) | CONSTRAINTS.get(value.path, {})
        place["properties"][key] = typed | {"description": value.meaning}
    # Helm passes this key to every chart.
    top["properties"]["global"] = {"type": "object"}
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#"} | top, indent=2) + "\n"


def _section() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _typed(default: Any) -> dict[str, Any]:
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return {"type": kinds[type(default)]}


def _meanings(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and meaning of each key with a `# --` comment above it."""
    stack: list[tuple[int, str]] = []
    words: list[str] = []
    for line in text.splitlines():
        if comment := re.fullmatch(r" *# (-- )?(.*)", line):
            words = [comment[2]] if comment[1] else [*words, comment[2]] if words else []
        elif key := re.match(r"( *)([\w.-]+):", line):
            depth = len(key[1])
            stack = [*(each for each in stack if each[0] < depth), (depth, key[2])]
            if words:
                yield ".".join(name for _, name in stack), " ".join(words)
            words = []
        else:
            words = []


def _explained(value: Any, path: tuple[str, ...], meanings: dict[str, str]) -> Iterator[Value]:
    name = ".".join(path)
    if name in meanings:
        yield Value(name, value, meanings[name])
    elif isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _explained(below, (*path, key), meanings)
    else:
        raise ValueError(f"values.yaml: '{name}' has no comment that begins with `# --`")
