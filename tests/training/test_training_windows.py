"""Windows are cut at the starts of the split, with the label of their recording."""

import dataclasses

import numpy as np
import pytest

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from training.split import random_split
from training.windows import TrainingPool, cut


def test_windows_are_the_samples_at_their_starts(synthetic: list[Recording]) -> None:
    split = random_split(synthetic, seed=0)
    test = cut(synthetic, split.test)
    assert test.windows.shape == (len(test.labels), WINDOW_LENGTH)
    position = 0
    for label, recording in enumerate(synthetic):
        for start in split.test[recording.id]:
            expected = recording.samples[start : start + WINDOW_LENGTH].astype(np.float32)
            np.testing.assert_array_equal(test.windows[position], expected)
            assert test.labels[position] == label
            position += 1
    assert position == len(test.labels)


def test_a_recording_without_a_label_is_refused(synthetic: list[Recording]) -> None:
    unknown = dataclasses.replace(synthetic[0], fault=None)
    with pytest.raises(ValueError, match="Ball: its fault label is not known"):
        cut([unknown], {"Ball": np.array([0])})


def test_the_pool_draws_each_class_as_often_and_never_a_sample_held_out(
    synthetic: list[Recording],
) -> None:
    # Every sample encodes its recording and position, exactly in float32 too.
    numbered = [
        dataclasses.replace(
            recording, samples=np.arange(recording.samples.size, dtype=np.float64) + 1e6 * number
        )
        for number, recording in enumerate(synthetic)
    ]
    held_out = random_split(numbered, seed=0).held_out()
    drawn = TrainingPool(numbered, held_out).draw(200, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(drawn.labels), [200] * len(FAULT_LABELS))
    assert (np.diff(drawn.windows, axis=1) == 1).all(), "no window crosses recordings"
    assert not (np.diff(drawn.labels) >= 0).all(), "classes are mixed"
    for window, label in zip(drawn.windows, drawn.labels, strict=True):
        assert window[0] // 1e6 == label
        apart = np.abs(held_out[numbered[label].id] - window[0] % 1e6)
        assert apart.min() >= WINDOW_LENGTH


def test_a_class_without_a_window_to_train_on_is_refused(synthetic: list[Recording]) -> None:
    nothing = {recording.id: np.empty(0, np.int64) for recording in synthetic}
    every = np.arange(20) * WINDOW_LENGTH
    with pytest.raises(ValueError, match="no Normal window to train on"):
        TrainingPool(synthetic, nothing | {"Normal": every})
    with pytest.raises(ValueError, match="no OuterRace window to train on"):
        TrainingPool(synthetic[:3], nothing)
