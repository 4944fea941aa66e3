"""The lines of a measurement are those of the table of sensors as it is now."""

import asyncio
import json
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from structlog.testing import capture_logs

from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.window import WindowReader
from bearing_stream.wire import Diagnosis, Window, encode_window
from model.sensors import load
from tests.bearing_stream.commands.page.examples import NOON, diagnosis, evidence
from tests.kafka_in_memory.polled import Polled
from tests.kafka_tools import eventually
from tests.paths import ROOT

UNKNOWN = '[[sensor]]\npattern = "pump-1"\n'
KNOWN = f'{UNKNOWN}baseline = "rig.json"\n'


class OneWindow(WindowReader):
    """Has one window, without Kafka."""

    def _message(self, diagnosis: Diagnosis) -> Any:  # noqa: ARG002
        at = datetime.fromtimestamp(NOON, UTC)
        samples = np.random.default_rng(1).normal(size=2048).astype(np.float32)
        return Polled(encode_window(Window("/plant", "w", "pump-1", at, samples)))


def test_a_table_that_changes_is_used_and_one_that_is_invalid_is_not(tmp_path: Path) -> None:
    shutil.copy(ROOT / "model" / "rig.json", tmp_path)
    table = tmp_path / "sensors.toml"
    table.write_text(UNKNOWN)
    asked, settings = diagnosis("pump-1", evidence=evidence()), PageSettings(sensor_table=table)
    with closing(OneWindow(settings, load(table))) as reader, capture_logs() as log:

        def has_lines() -> bool:
            return bool(json.loads(asyncio.run(reader.read(asked)))["lines"])

        assert not has_lines()
        table.write_text(KNOWN)
        eventually(has_lines, "the lines of the bearing that the table has now")
        table.write_text("no table")
        eventually(lambda: has_lines() and len(log) == 2, "a message")
        assert has_lines()
        assert [line["event"] for line in log] == ["table_changed", "table_invalid"]
        assert "sensors.toml" in log[1]["reason"]
