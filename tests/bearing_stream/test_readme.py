import json
import re

from bearing_stream.wire import Diagnosis, RejectionReason
from tools.docs.settings_tables import README, TABLES, with_tables


def test_settings_tables_are_those_of_the_code() -> None:
    text = README.read_text()
    assert text == with_tables(text), "run `python -m tools.docs.settings_tables`"


def test_every_command_with_settings_has_its_table() -> None:
    named = re.findall(r"<!-- settings: (\w+) -->", README.read_text())
    assert sorted(named) == sorted(TABLES)


def test_every_rejection_reason_is_named() -> None:
    text = README.read_text()
    assert [reason for reason in RejectionReason if f"`{reason}`" not in text] == []


def test_the_example_is_a_diagnosis() -> None:
    example = re.search(r"```json\n(.*?)```", README.read_text(), re.DOTALL)
    assert example
    Diagnosis.model_validate(json.loads(example[1]))
