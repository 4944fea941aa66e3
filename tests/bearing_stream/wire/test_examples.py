"""Every reader reads the messages of every version since the first, and what a later one adds.

The files in `examples/` are never changed. A new version of the wire format adds a file.
"""

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from bearing_stream.wire import (
    Message,
    decode_diagnosis,
    decode_measurement,
    decode_window,
    read_error_headers,
)
from bearing_stream.wire.error_headers import Origin, original_timestamp, stubbed_value
from tests.paths import ASSETS

EXAMPLES = Path(__file__).with_name("examples")
DIAGNOSES = sorted(EXAMPLES.glob("diagnosis-v1*.json"))
DEAD_LETTERS = sorted(EXAMPLES.glob("dead-letter-v1*.json"))


def example(path: Path) -> Message:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "value" in found:
        value = json.dumps(found["value"]).encode()
    else:
        value = base64.b64decode(found["value_base64"])
    headers = [(name, text.encode()) for name, text in found["headers"]]
    return Message(found["key"].encode(), value, list(headers))


def test_every_example_is_read_by_a_test() -> None:
    read = {*DIAGNOSES, *DEAD_LETTERS}
    read |= {EXAMPLES / "window-v1.json", EXAMPLES / "measurement-v1.json"}
    assert set(EXAMPLES.iterdir()) == read


def test_a_window_is_read() -> None:
    message = example(EXAMPLES / "window-v1.json")
    samples = np.empty(2048, np.float32)
    window = decode_window(message.headers, message.value, samples)
    assert (window.id, window.sensor, window.shaft_speed) == ("105/DE/000017", "press-7", 1797.0)
    assert samples[:8].tolist() == [0, 100, 200, 300, 400, 500, 600, 0]


def test_a_measurement_is_read() -> None:
    message = example(EXAMPLES / "measurement-v1.json")
    read, samples = decode_measurement(message.headers, message.value)
    assert (read.id, read.sensor, read.shaft_speed) == ("2026-11-28/000017", "press-7", 1797.0)
    assert (read.sampling_rate, read.unit, read.channel) == (48_000, "m/s2", "DE-x")
    assert (len(samples), samples[:3].tolist()) == (9000, [-3_000_000, -2_000_000, -1_000_000])


@pytest.mark.parametrize("path", DIAGNOSES, ids=lambda path: path.stem)
def test_a_diagnosis_is_read(path: Path) -> None:
    message = example(path)
    identity, diagnosis = decode_diagnosis(message.headers, message.value)
    assert identity == "b34f08d0fea9624a2aaf582dfa821f2b"
    assert (diagnosis.window_id, diagnosis.sensor) == ("105/DE/000017", "press-7")
    assert diagnosis.input.offset == 17
    assert diagnosis.prediction in diagnosis.probabilities
    schema = json.loads((ASSETS / "diagnosis.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(message.value or b""), schema)


@pytest.mark.parametrize("path", DEAD_LETTERS, ids=lambda path: path.stem)
def test_a_dead_letter_is_read(path: Path) -> None:
    message = example(path)
    read = read_error_headers(message.headers)
    stub = stubbed_value(message.headers)
    assert read.origin == Origin("bearing.windows", 3, 4711)
    assert "got 16" in read.detail
    if "before" in path.stem:
        assert (original_timestamp(message.headers), read.group) == (None, "")
    else:
        assert original_timestamp(message.headers) == 1_769_860_800_123
        assert read.group == "bearing-stream"
    assert read.reason == ("too-large" if stub else "wrong-length")
    assert (stub.length if stub else len(message.value or b"")) == 16
