"""The list of events is complete, and every log line of the consumer is one of them."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from bearing_stream.logs import Event
from consumer import events
from consumer.events import EVENTS, emit
from tests.paths import ROOT

CONSTANTS = {name: value for name, value in vars(events).items() if isinstance(value, Event)}
SOURCES = sorted((ROOT / "consumer").rglob("*.py"))


def used_constants() -> Iterator[str]:
    """Yield every constant that the consumer's code uses as `events.NAME`."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "events":
                yield node.attr


def test_every_constant_is_listed_once_under_its_own_name() -> None:
    assert sorted(event.name for event in EVENTS) == sorted(name.lower() for name in CONSTANTS)
    assert all(value.name == name.lower() for name, value in CONSTANTS.items())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_has_a_stable_name_a_meaning_and_an_action(event: Event) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", event.name)
    assert event.meaning.endswith(".")
    assert event.action.endswith(".")


def test_every_event_is_logged_somewhere() -> None:
    assert CONSTANTS.keys() <= set(used_constants())


def test_nothing_else_is_logged() -> None:
    """Only `emit` uses a logger."""
    logs = re.compile(r"get_logger\(|log_event\(")
    users = [path.name for path in SOURCES if logs.search(path.read_text())]
    assert users == ["events.py"]


def test_an_event_is_logged_at_its_level_with_its_fields() -> None:
    with capture_logs() as lines:
        emit(events.REWINDING, reason="fenced")
    assert lines == [{"event": "rewinding", "log_level": "warning", "reason": "fenced"}]


def test_the_list_can_be_read_without_torch_and_without_a_kafka_client() -> None:
    program = "import sys, consumer.events; print(*{'torch', 'confluent_kafka'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert ran.stdout.split() == []
