"""The rules with all durations divided by a factor, so that minutes take seconds.

What a rule compares, and with which labels, stays as it is: where it fires within seconds, the rule
of operation fires in a fault that lasts longer by this factor.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

AGES: Final = {("FreshnessLost", "60"), ("HangingTransaction", "900"), ("NotificationsLag", "300")}
"""Alert and number of those that are seconds."""

UNCHANGED: Final = {
    *(("LagGrowing", "1000"), ("FreshnessLost", "0.99"), ("DeadLetterRatio", "0.01")),
    *(("CommitAborts", "3"), ("UncertainShare", "0.2"), ("AlarmFlood", "10")),
    # A round takes seconds where Kafka does not respond, whatever the factor.
    ("ConsumerStalled", "60"),
}
"""Alert and number of the other thresholds; 0 and 1 are thresholds of any."""

NUMBER: Final = re.compile(r"(?<![\w.])\d[\w.]*")


def accelerated(text: str, factor: int) -> str:
    """Return rules with every duration, and every age that is a threshold, divided by a factor.

    Raises:
        ValueError: Something could be a duration, and is neither known to be one nor not to be.
    """
    document: dict[str, Any] = yaml.safe_load(text)
    for group in document["groups"]:
        if extra := group.keys() - {"name", "rules"}:
            raise ValueError(f"group {group['name']}: {sorted(extra)} may hold a duration")
        for rule in group["rules"]:
            _accelerate(rule, factor)
    return yaml.safe_dump(document)


def _accelerate(rule: dict[str, Any], factor: int) -> None:
    alert = rule["alert"]
    if extra := rule.keys() - {"alert", "expr", "for", "labels", "annotations"}:
        raise ValueError(f"{alert}: {sorted(extra)} may hold a duration")
    if "for" in rule:
        rule["for"] = _divided(alert, rule["for"], factor)
    rule["expr"] = "".join(_parts(alert, rule["expr"], factor))


def _parts(alert: str, expression: str, factor: int) -> Iterator[str]:
    """Yield an expression in parts; texts in quotes are as they were."""
    for index, part in enumerate(re.split(r'("[^"]*")', expression)):
        if index % 2:
            yield part
        else:
            yield NUMBER.sub(lambda found: _number(alert, found[0], factor), part)


def _number(alert: str, number: str, factor: int) -> str:
    if number in ("0", "1") or (alert, number) in UNCHANGED:
        return number
    if (alert, number) in AGES:
        return f"{int(number) / factor:g}"
    return _divided(alert, number, factor)


def _divided(alert: str, duration: str, factor: int) -> str:
    found = re.fullmatch(r"(\d+)([smhd])", duration)
    if not found:
        raise ValueError(f"{alert}: '{duration}' is neither a duration nor a known number")
    milliseconds, rest = divmod(int(found[1]) * UNITS[found[2]] * 1000, factor)
    if rest:
        raise ValueError(f"{alert}: '{duration}' cannot be divided by {factor}")
    return f"{milliseconds}ms"
