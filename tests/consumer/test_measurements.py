"""Measurements at the rates of sensors that are sold, on a real Kafka, mixed with plain windows."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bearing_stream import sampling
from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.recordings.files import read_file
from bearing_stream.recordings.synthetic import SyntheticBearing, bearings
from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire import Measurement, SampleFormat, encode_measurement
from model.assessor import Assessor
from producer_sim.streams import to_counts
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics, produce, read_diagnoses, wait_until_finished

RATES = (25_600, 48_000, 51_200)
FORMATS: tuple[SampleFormat, ...] = ("float32-le", "int16-le", "int24-le")
BEARINGS = bearings(len(FAULT_LABELS))
BEGIN = datetime(2026, 11, 28, tzinfo=UTC)


def second(bearing: SyntheticBearing, rate: int, sample_format: SampleFormat) -> NDArray[Any]:
    """One second of a bearing's signal, as a sensor with this rate and format has it."""
    ratio = 1 / sampling.ratio(rate)
    made = bearing.windows(0, 6).reshape(-1).astype(np.float64)
    signal: NDArray[np.float64] = resample_poly(made, ratio.numerator, ratio.denominator)[:rate]
    if sample_format == "int24-le":
        return to_counts(signal).astype(np.int32) << 8
    if sample_format == "int16-le":
        return to_counts(signal)
    return signal.astype(np.float32)


def measurements() -> list[tuple[Measurement, SampleFormat]]:
    """A second at each rate in each format of each bearing, and a plain window after each."""
    sent: list[tuple[Measurement, SampleFormat]] = []
    for rate, sample_format, bearing in product(RATES, FORMATS, BEARINGS):
        plain = bearing.windows(len(sent), 1)[0].astype(np.float32)
        pair = (second(bearing, rate, sample_format), rate, sample_format), (plain, 12_000, None)
        for samples, own_rate, form in pair:
            measurement = Measurement(
                source="/plant",
                id=f"m{len(sent):04d}",
                sensor=bearing.sensor,
                time=BEGIN + timedelta(seconds=len(sent)),
                samples=samples,
                sampling_rate=own_rate,
                shaft_speed=bearing.rpm,
                unit="g" if form == "float32-le" else "counts",
                channel="x",
            )
            sent.append((measurement, form or "float32-le"))
    return sent


@pytest.mark.integration
@pytest.mark.parametrize("options", [(), ("--diagnoser=physics", "--batch-size=7")])
def test_each_has_one_result_which_is_that_of_its_samples(
    topics: Topics, options: tuple[str, ...]
) -> None:
    sent = measurements()
    produce(topics.servers, topics.windows, [encode_measurement(*each) for each in sent])
    with ConsumerProcess(topics, *options) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    report = verify(load(VerifySettings, topics.settings | {"settle": 0.0}))
    assert (report.diagnosed, report.dead_letters, report.wrong) == (len(sent), 0, {})
    found = {diagnosis.window_id: diagnosis for _, diagnosis in read_diagnoses(topics)}
    assessor = Assessor.load(
        device="cpu", diagnoser="physics" if "--diagnoser=physics" in options else "auto"
    )
    for measurement, _ in sent:
        cut = sampling.windows(measurement.samples, measurement.sampling_rate)
        expected = assessor.assess(
            cut.samples,
            np.array([measurement.shaft_speed]),
            [measurement.sensor],
            np.array([len(cut.samples)]),
        )
        diagnosis = found[measurement.id]
        assert list(diagnosis.probabilities.values()) == pytest.approx(
            expected.probabilities[0].tolist(), abs=1e-5
        )
        assert diagnosis.novelty == pytest.approx(float(expected.novelty[0]), rel=1e-4)
        assert diagnosis.windows == (1 if measurement.sampling_rate == 12_000 else 5)
        assert (diagnosis.unit, diagnosis.channel) == (measurement.unit, "x")
        assert diagnosis.indicators is not None
        is_acceleration = measurement.unit == "g" and diagnosis.windows == 5
        assert (diagnosis.indicators.velocity_rms is not None) == is_acceleration


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sample_format", ["float32-le", "int16-le"])
def test_the_windows_are_those_of_a_file_with_the_same_samples(
    tmp_path: Path, rate: int, sample_format: SampleFormat
) -> None:
    samples = second(BEARINGS[0], rate, sample_format)
    np.save(tmp_path / "second.npy", samples)
    recording = read_file(tmp_path / "second.npy", sampling_rate=rate)
    np.testing.assert_array_equal(
        sampling.windows(samples, rate).samples, recording.windows().astype(np.float32)
    )
