"""What the pages claim agrees with the code."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import confluent_kafka
import pytest

from bearing_stream.cli import COMMANDS
from bearing_stream.wire import PublishedDiagnosis, RejectionReason, decode_measurement
from consumer.events import EVENTS
from tests.docs.examples import README, diagnosis_example, python_examples
from tests.paths import ROOT
from tools.docs import alarm_drawing, drawing, state_drawing
from tools.docs.pages import GENERATORS, PLACE, filled
from tools.docs.settings_tables import TABLES

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}

TOP_LEVEL = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md")


class _SentError(Exception):
    """The producer of the README has sent its messages."""


class _ReadError(Exception):
    """The subscriber of the README has read its messages."""


class _Message:
    def error(self) -> None:
        return None

    def value(self) -> bytes:
        return json.dumps(diagnosis_example()).encode()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_links_outside_the_site_lead_to_files(name: str) -> None:
    file = ROOT / name
    links = re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith("https://") and not (file.parent / link).exists()
    ]
    assert missing == []


def test_every_command_with_settings_has_its_table() -> None:
    places = [place[3] for place in PLACE.finditer(PAGES["settings"])]
    assert sorted(places) == sorted(TABLES)


def test_every_setting_is_in_the_reference() -> None:
    text = PAGES["settings"]
    for settings in TABLES.values():
        for name in settings.model_fields:
            assert f"`--{name.replace('_', '-')}`" in text


def test_every_command_is_in_the_reference() -> None:
    text = PAGES["cli"]
    assert [name for name in COMMANDS if f"## bearing-stream {name}\n" not in text] == []
    assert "`--execute`" in text


def test_every_rejection_reason_is_explained() -> None:
    rows = PAGES["wire-format"].splitlines()
    for reason in RejectionReason:
        assert [row for row in rows if row.startswith(f"| `{reason}` | ") and row.endswith(". |")]


def test_every_event_is_explained() -> None:
    rows = PAGES["running"].splitlines()
    for event in EVENTS:
        assert f"| `{event.name}` | {event.level} | {event.meaning} | {event.action} |" in rows


@pytest.mark.parametrize("name", PAGES)
def test_the_generated_parts_are_up_to_date(name: str) -> None:
    assert PAGES[name] == filled(PAGES[name]), "run `python -m tools.docs`"


def test_every_generator_is_used_and_every_place_has_one() -> None:
    used = {place[2] for text in PAGES.values() for place in PLACE.finditer(text)}
    assert used == set(GENERATORS)


def test_the_example_is_a_diagnosis() -> None:
    example = diagnosis_example()
    assert PublishedDiagnosis.model_validate(example).prediction == example["prediction"]


def test_the_producer_of_the_readme_sends_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes, str, dict[str, str]]] = []

    class Producer:
        def __init__(self, properties: dict[str, Any]) -> None:
            confluent_kafka.cimpl.Producer(properties)  # raises on a property that is none

        def produce(self, topic: str, value: bytes, key: str, headers: dict[str, str]) -> None:
            sent.append((topic, value, key, headers))

        def flush(self) -> None:
            raise _SentError

    monkeypatch.setattr(confluent_kafka, "Producer", Producer)
    with pytest.raises(_SentError):
        exec(compile(python_examples()[0], "README.md", "exec"), {})
    [(topic, value, key, headers)] = sent
    encoded = [(name, text.encode()) for name, text in headers.items()]
    attributes, samples = decode_measurement(list(encoded), value)
    assert len(samples) == attributes.sampling_rate == 25_600
    assert (topic, key, attributes.sensor) == ("bearing.windows", "pump-7", "pump-7")


def test_the_subscriber_of_the_readme_prints_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    polled = [None, _Message()]

    class Consumer:
        def __init__(self, properties: dict[str, Any]) -> None:
            confluent_kafka.cimpl.Consumer(properties)  # raises on a property that is none

        def subscribe(self, topics: list[str]) -> None:
            assert topics == ["bearing.diagnoses"]

        def poll(self, timeout: float) -> _Message | None:  # noqa: ARG002
            if not polled:
                raise _ReadError
            return polled.pop(0)

    monkeypatch.setattr(confluent_kafka, "Consumer", Consumer)
    with pytest.raises(_ReadError):
        exec(compile(python_examples()[1], "README.md", "exec"), {})
    assert capsys.readouterr().out == "105/DE InnerRace good\n"


def test_the_table_of_the_readme_is_that_of_the_evaluation() -> None:
    rows = re.findall(r"^\| `(?:network|physics).*\|$", README, re.MULTILINE)
    assert len(rows) == 4
    assert [row for row in rows if row not in PAGES["evaluation"]] == []


@pytest.mark.parametrize("picture", [drawing, state_drawing, alarm_drawing])
def test_the_drawings_are_up_to_date(picture: ModuleType) -> None:
    committed = Path(picture.PATH).read_text(encoding="utf-8")
    assert committed == picture.drawing(), "run `python -m tools.docs`"
