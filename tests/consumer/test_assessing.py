"""Windows that make the assessment fail become dead letters, and only they."""

import json
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.vocabulary import QUALITY_FLAGS
from bearing_stream.wire import Measurement, RejectionReason, encode_measurement
from consumer import assessing, dispatcher
from consumer.assessing import AssessmentError, infer, without_failures
from consumer.batch import Batch
from model.assessment import Assessment
from model.assessor import Assessor
from model.examined import Examined
from tests.consumer.fakes import (
    DEAD_LETTERS,
    START,
    FakeMessage,
    StubAssessor,
    measurement,
    window,
)
from tests.consumer.world import GOOD, Guarantee, World, ids

BAD = 3.0
"""Label of the windows that make `Picky` fail."""


class Picky(StubAssessor):
    """Fails for each batch with a window of one label."""

    def __init__(self) -> None:
        self.calls = 0

    def assess(self, *arguments: Any) -> Assessment:
        self.calls += 1
        return super().assess(*arguments)

    def examine(self, windows: NDArray[np.float32]) -> Examined:
        if (windows[:, 0] == BAD).any():
            raise ZeroDivisionError("a window of label 3")
        return super().examine(windows)


class Broken(StubAssessor):
    """Fails always, as a device that has gone."""

    def assess(self, *_: object) -> Assessment:
        raise RuntimeError("device lost")


class TooSmall(Picky):
    """Fails for more than one window, as a device without memory."""

    def assess(self, windows: NDArray[np.float32], *others: Any) -> Assessment:
        if len(windows) > 1:
            raise MemoryError("out of memory")
        return super().assess(windows, *others)


def assessed(batch: Batch, assessor: Assessor) -> Assessment:
    return infer(batch, assessor).assessment


def batch_of(labels: list[int]) -> Batch:
    batch = Batch(64, 1.0)
    for offset, label in enumerate(labels):
        batch.add(FakeMessage(window(offset, label), 0, offset), 0.0)
    return batch


def test_the_defects_of_samples_at_their_own_rate_are_flagged() -> None:
    """Resampling hides them, so they are found before."""
    good = np.random.default_rng(1).normal(size=25_600).astype(np.float32)
    dead = np.where(np.arange(25_600) < 12_800, good, np.float32(0.3))
    batch = Batch(64, 1.0)
    for offset, samples in enumerate((good, good.clip(-1, 1), dead)):
        message = encode_measurement(
            Measurement("/fake", str(offset), "pump", START, samples, 25_600)
        )
        batch.add(FakeMessage(message, 0, offset), 0.0)
    assessment = assessed(batch, Assessor.load(device="cpu"))
    columns = [QUALITY_FLAGS.index(flag) for flag in ("clipping", "dropout")]
    expected = [[False, False], [True, False], [False, True]]
    assert assessment.flags[:, columns].tolist() == expected


def assess_with(assessor: StubAssessor, batch: Batch) -> Assessment | None:
    return without_failures(batch, lambda part: assessed(part, cast("Assessor", assessor)))


@settings(max_examples=150)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_exactly_the_windows_that_fail_are_rejected(labels: list[int]) -> None:
    batch, assessor = batch_of(labels), Picky()
    assessment = assess_with(assessor, batch)
    good = [offset for offset, label in enumerate(labels) if label != BAD]
    bad = [offset for offset, label in enumerate(labels) if label == BAD]
    assert [window.offset for window in batch.accepted] == good
    assert sorted(letter.offset for letter in batch.dead_letters) == bad
    if not good:
        assert assessment is None
    else:
        assert assessment is not None
        expected = [labels[offset] for offset in good]
        assert assessment.probabilities.argmax(axis=1).tolist() == expected
        assert batch.samples[:, 0].tolist() == expected, "the rows moved up"
    for letter in batch.dead_letters:
        assert letter.reason is RejectionReason.ASSESSMENT_FAILED
        assert letter.detail == "ZeroDivisionError: a window of label 3"
        assert letter.original == window(letter.offset, 3)
    # One call where none fails; else a path of halves to each of them, one for the rest and one
    # for the window that is known to be good.
    assert assessor.calls <= 1 + 3 + 2 * len(bad) * len(labels).bit_length()
    assert batch.positions == {("bearing.windows", 0): len(labels)}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=20))
def test_exactly_the_measurements_that_fail_are_rejected(sent: list[tuple[int, int]]) -> None:
    batch = Batch(64, 1.0)
    for offset, (label, windows) in enumerate(sent):
        # A window of label 3 is recognised by its first sample.
        message = measurement(offset, label, windows) if label != BAD else window(offset, label)
        batch.add(FakeMessage(message, 0, offset), 0.0)
    assessment = assess_with(Picky(), batch)
    good = [offset for offset, (label, _) in enumerate(sent) if label != BAD]
    assert [one.offset for one in batch.accepted] == good
    assert len(batch.samples) == sum(sent[offset][1] for offset in good)
    if assessment is not None:
        expected = [sent[offset][0] for offset in good]
        assert assessment.probabilities.argmax(axis=1).tolist() == expected


def test_a_measurement_without_one_of_its_windows_has_a_dropout() -> None:
    signal = np.tile(np.arange(2048, dtype=np.float32), 3)
    gap = signal.copy()
    gap[2048:4096] = 7
    batch = Batch(64, 1.0)
    for offset, samples in enumerate((signal, gap)):
        message = encode_measurement(Measurement("/fake", "1", "pump", START, samples))
        batch.add(FakeMessage(message, 0, offset), 0.0)
    assessment = assess_with(StubAssessor(), batch)
    assert assessment is not None
    dropouts = assessment.flags[:, QUALITY_FLAGS.index("dropout")]
    assert dropouts.tolist() == [False, True]


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [3, 3]])
def test_an_assessor_that_always_fails_is_at_fault_itself(labels: list[int]) -> None:
    batch = batch_of(labels)
    with pytest.raises(AssessmentError, match=r"RuntimeError: device lost.*--device cpu"):
        assess_with(Broken(), batch)
    assert batch.dead_letters == []
    assert len(batch.accepted) == len(labels)


def test_windows_that_fail_together_and_not_apart_are_no_dead_letters() -> None:
    batch = batch_of([0, 1, 2, 0])
    with pytest.raises(AssessmentError, match="--batch-size"):
        assess_with(TooSmall(), batch)
    assert batch.dead_letters == []


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_the_rest_is_diagnosed_and_the_dead_letters_name_the_reason(guarantee: Guarantee) -> None:
    world = World(guarantee, batch_size=7, assessor=Picky())
    world.cluster.arrive(0, *GOOD[:20])
    world.rounds()
    assert world.diagnosed() == [one for one in ids(0, 20) if int(one[1:]) % 4 != BAD]
    letters = [message for topic, message in world.cluster.output if topic == DEAD_LETTERS]
    assert [letter.value for letter in letters] == [GOOD[n].value for n in range(3, 20, 4)]
    reasons = {dict(letter.headers)["__connect.errors.exception.class.name"] for letter in letters}
    assert reasons == {b"assessment-failed"}
    assert world.metrics.dead_letters == {RejectionReason.ASSESSMENT_FAILED: 5}
    assert json.dumps(world.metrics.as_dict()["dead_letters"]) == '{"assessment-failed": 5}'
    assert world.cluster.committed[("bearing.windows", 0)] == 20
    # A batch that was halved to find what fails is one batch.
    sizes = world.metrics.distributions.batch_windows.distribution()
    assert sizes.buckets[-1][1] == sum(world.metrics.batches.values())
    assert sizes.sum == 15


def test_a_broken_assessor_ends_the_run_and_nothing_is_committed() -> None:
    world = World(assessor=Broken()).joined()
    world.cluster.arrive(0, *GOOD[:4])
    with pytest.raises(AssessmentError):
        world.pipeline.run()
    world.consumer.close()
    assert world.cluster.output == []
    assert world.cluster.committed[("bearing.windows", 0)] == 0


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize(("module", "step"), [(assessing, "indicators"), (dispatcher, "diagnoses")])
def test_a_window_that_fails_after_its_assessment_is_rejected_alone(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str, guarantee: Guarantee
) -> None:
    whole = getattr(module, step)

    def failing(first: Batch | NDArray[np.float32], *others: Any) -> Any:
        samples = first.samples if isinstance(first, Batch) else first
        if (samples[:, 0] == BAD).any():
            raise OverflowError(f"{step} \ud800")
        return whole(first, *others)

    monkeypatch.setattr(module, step, failing)
    world = World(guarantee, batch_size=7)
    world.cluster.arrive(0, *GOOD[:20])
    world.rounds()
    assert world.diagnosed() == [one for one in ids(0, 20) if int(one[1:]) % 4 != BAD]
    assert world.metrics.dead_letters == {RejectionReason.ASSESSMENT_FAILED: 5}
    assert world.cluster.committed[("bearing.windows", 0)] == 20
