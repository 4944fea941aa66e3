"""No sample of a test or validation window is trained on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH, FaultLabel
from training.split import count_windows, fingerprint, free_starts, random_split


def recording(name: str, samples: int, fault: FaultLabel = "Ball") -> Recording:
    return Recording(
        id=name,
        sensor=name,
        collection="synthetic",
        samples=np.zeros(samples),
        sampling_rate=SAMPLING_RATE,
        fault=fault,
    )


lengths = st.lists(st.integers(0, 30 * WINDOW_LENGTH), min_size=1, max_size=4)


@given(lengths=lengths, seed=st.integers(0, 2**32))
def test_no_sample_is_in_two_parts(lengths: list[int], seed: int) -> None:
    recordings = [recording(str(number), length) for number, length in enumerate(lengths)]
    split = random_split(recordings, seed)
    held_out = split.held_out()
    for one in recordings:
        used = np.zeros(one.samples.size, dtype=int)
        for part in (split.training, split.validation, split.test):
            for start in part[one.id]:
                assert start + WINDOW_LENGTH <= one.samples.size
                used[start : start + WINDOW_LENGTH] += 1
        assert used.max(initial=0) <= 1
        windows = one.samples.size // WINDOW_LENGTH
        assert used.sum() == windows * WINDOW_LENGTH, "every window is in a part"
        free = free_starts(one.samples.size, held_out[one.id])
        assert set(split.training[one.id]) <= set(free)


@given(
    samples=st.integers(0, 6 * WINDOW_LENGTH),
    held_out=st.lists(st.integers(0, 5 * WINDOW_LENGTH), max_size=4),
)
def test_free_starts_are_those_and_only_those_that_share_no_sample(
    samples: int, held_out: list[int]
) -> None:
    held_out = [start for start in held_out if start + WINDOW_LENGTH <= samples]
    every = np.arange(max(samples - WINDOW_LENGTH + 1, 0))
    apart = np.ones(every.size, dtype=bool)
    for start in held_out:
        apart &= np.abs(every - start) >= WINDOW_LENGTH
    np.testing.assert_array_equal(free_starts(samples, np.array(held_out, int)), every[apart])


def test_each_recording_gives_its_share_to_each_part() -> None:
    recordings = [recording("long", 100 * WINDOW_LENGTH), recording("short", 13 * WINDOW_LENGTH)]
    split = random_split(recordings, seed=1)
    sizes = [(part["long"].size, part["short"].size) for part in (split.test, split.validation)]
    assert sizes == [(30, 4), (10, 1)]


def test_the_seed_decides() -> None:
    recordings = [recording("one", 50 * WINDOW_LENGTH)]
    first, again, other = (random_split(recordings, seed).test for seed in (3, 3, 4))
    assert fingerprint(recordings, first) == fingerprint(recordings, again)
    assert fingerprint(recordings, first) != fingerprint(recordings, other)


def test_windows_are_counted_by_class() -> None:
    recordings = [
        recording("a", 10 * WINDOW_LENGTH, "OuterRace"),
        recording("b", 20 * WINDOW_LENGTH, "Normal"),
        recording("c", 10 * WINDOW_LENGTH, "OuterRace"),
    ]
    split = random_split(recordings, seed=0)
    assert count_windows(recordings, split.test) == {"Normal": 6, "OuterRace": 6}


def test_the_real_recordings_have_the_expected_number_of_windows(
    real_recordings: list[Recording],
) -> None:
    split = random_split(real_recordings, seed=0)
    total: dict[str, int] = {}
    for part in (split.training, split.validation, split.test):
        for label, count in count_windows(real_recordings, part).items():
            total[label] = total.get(label, 0) + count
    if len(real_recordings) < 64:
        pytest.skip("CWRU_DATA does not hold all 64 recordings")
    normal = total.pop("Normal")
    assert normal >= 68
    assert total == {"Ball": 943, "InnerRace": 944, "OuterRace": 1652}
