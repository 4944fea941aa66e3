"""A table of sensors that cannot be used ends the consumer before it touches Kafka."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from consumer.command import command
from consumer.events import FAILED


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_missing_table_of_sensors_is_one_line_and_status_1(tmp_path: Path) -> None:
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
    [line] = map(json.loads, result.stderr.splitlines())
    assert line["event"] == FAILED.name
    assert "none.toml: cannot be read" in line["error"]
