"""A table of sensors that cannot be used ends the consumer before it touches Kafka."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from consumer.command import command


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_table_of_sensors_that_is_not_there_is_one_line_and_status_1(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        command,
        [
            "--sensor-table",
            str(tmp_path / "none.toml"),
            "--diagnoser",
            "physics",
            "--log-format",
            "json",
        ],
    )
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert "none.toml: cannot be read" in json.loads(line)["error"]
