"""A thread that examines windows as they are written gives what one call gives."""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.assessor import Assessor
from model.examined import Examined
from model.examiner import Examiner
from model.statistics import Statistics
from tests.model.physics.signals import Floats, healthy

WINDOWS = healthy(700)
ASSESSOR = Assessor.load(device="cpu", diagnoser="network")


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    found = ASSESSOR.examiner()
    if found is None:
        pytest.skip("the kernel in C was not built")
    yield found
    found.close()


def assert_equal(found: Examined, windows: Floats) -> None:
    """Compare with what one call gives."""
    expected = ASSESSOR.examine(windows)
    np.testing.assert_allclose(
        found.network.probabilities, expected.network.probabilities, atol=1e-6
    )
    np.testing.assert_allclose(found.network.novelty, expected.network.novelty, rtol=1e-5)
    for column in fields(Statistics):
        one, other = (getattr(each.signal, column.name) for each in (found, expected))
        np.testing.assert_array_equal(one, other)


@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 90), min_size=1, max_size=8), st.booleans(), st.data()),
        max_size=3,
    )
)
def test_any_steps_and_any_parts(
    examiner: Examiner, batches: list[tuple[list[int], bool, st.DataObject]]
) -> None:
    """In the same array or in one that is replaced by a larger one, as a batch does."""
    buffer = np.empty((700, WINDOW_LENGTH), np.float32)
    examiner.clear()
    for steps, moves, data in batches:
        begin = data.draw(st.integers(0, len(WINDOWS) - sum(steps)))
        sent = WINDOWS[begin : begin + sum(steps)]
        end = 0
        for step in steps:
            buffer[end : end + step] = sent[end : end + step]
            end += step
            examiner.begin(buffer[:end])
            assert examiner.has_begun
            assert examiner.due > end
            if moves:
                buffer = buffer.copy()
        middle = data.draw(st.integers(0, end - 1))
        if middle:
            assert_equal(examiner.examined(0, middle), sent[:middle])
        assert_equal(examiner.examined(middle, end), sent[middle:])
        examiner.clear()
        assert not examiner.has_begun


def test_many_windows_are_forgotten_before_they_are_examined(examiner: Examiner) -> None:
    examiner.begin(WINDOWS)
    examiner.clear()
    examiner.begin(WINDOWS[:5])
    assert_equal(examiner.examined(0, 5), WINDOWS[:5])
    examiner.clear()


def test_windows_scaled_beyond_the_squares_of_float32(examiner: Examiner) -> None:
    windows = WINDOWS[:3] * np.float32(1e25)
    examiner.begin(windows)
    assert_equal(examiner.examined(0, 3), windows)
    examiner.clear()


def test_a_sample_that_is_not_finite_is_an_error(examiner: Examiner) -> None:
    windows = WINDOWS[:40].copy()
    windows[30, 7] = np.nan
    examiner.begin(windows)
    assert_equal(examiner.examined(0, 30), windows[:30])
    with pytest.raises(ValueError, match="not finite"):
        examiner.examined(20, 40)
    examiner.clear()
