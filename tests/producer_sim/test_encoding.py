from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pytest

from bearing_stream.recordings import Recording
from bearing_stream.wire import encode_measurement
from producer_sim import SimulatorSettings
from producer_sim.encoding import StreamEncoder
from producer_sim.streams import Form, from_recording

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("sample_format", ["float32", "int16"])
@pytest.mark.parametrize("value_form", ["binary", "json"])
def test_every_message_is_that_of_its_measurement(
    make_recording: Callable[..., Recording],
    sample_format: Literal["float32", "int16"],
    value_form: Literal["binary", "json"],
) -> None:
    settings = SimulatorSettings(run="night", sample_format=sample_format, value_form=value_form)
    stream = from_recording(make_recording(windows=4), Form(settings.wire_format))
    encoder = StreamEncoder(stream, settings)
    for number, samples in enumerate(stream.measurements):
        time = START + number * timedelta(seconds=0.17)
        measurement = encoder.measurement(number, time, samples)
        assert (measurement.id, measurement.time) == (f"night/{stream.window_id(number)}", time)
        assert encoder.encode(number, time, samples) == encode_measurement(
            measurement, settings.wire_format, settings.content_type
        )


def test_a_message_is_not_changed_by_the_next(make_recording: Callable[..., Recording]) -> None:
    stream = replace(from_recording(make_recording(), Form()), shaft_speed=None, unit=None)
    encoder = StreamEncoder(stream, SimulatorSettings())
    samples: Any = np.arange(2048, dtype=np.float32)
    first = encoder.encode(0, START, samples)
    headers = list(first.headers)
    encoder.encode(1, START, samples)
    assert first.headers == headers
