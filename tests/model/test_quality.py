"""Wrong signals are flagged and good ones are not, in any unit."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.recordings.cwru import load, present
from bearing_stream.vocabulary import QUALITY_FLAGS, SAMPLING_RATE, WINDOW_LENGTH
from model.grouping import Grouping
from model.limits import SignalLimits
from model.quality import SIGNAL_FLAGS, SignalFlag, signal_flags
from tests.model.physics.signals import Floats, clipped, dropped, healthy, hum, jumped

pytestmark = pytest.mark.numeric

GOOD = healthy(200)
FULL_SCALE = 6.652936
"""g, of the amplifier that clipped 236 and 237: the highest level in both, to the last digit."""


def share(windows: Floats, flag: SignalFlag, limits: SignalLimits | None = None) -> float:
    """The share of the windows that have a flag."""
    return float(
        signal_flags(windows, limits or SignalLimits())[:, SIGNAL_FLAGS.index(flag)].mean()
    )


def test_the_signal_flags_are_the_first_quality_flags() -> None:
    assert QUALITY_FLAGS[: len(SIGNAL_FLAGS)] == SIGNAL_FLAGS


def test_good_windows_have_no_flag() -> None:
    assert not signal_flags(GOOD, SignalLimits()).any()


@pytest.mark.parametrize(
    ("flag", "windows"),
    [
        ("clipping", clipped(GOOD, 0.01)),
        ("clipping", clipped(GOOD, 0.05)),
        ("dropout", dropped(GOOD, 16, held=True)),
        ("dropout", dropped(GOOD, 16, held=False)),
        ("dropout", dropped(GOOD, 1024, held=False)),
        ("jump", jumped(GOOD, 2)),
        ("jump", jumped(GOOD, -10)),
        ("mains-hum", hum(50)),
        ("mains-hum", hum(60)),
        ("mains-hum", GOOD / GOOD.std(axis=1, keepdims=True) + hum(60, 0)),
    ],
)
def test_a_wrong_signal_gets_its_flag(flag: SignalFlag, windows: Floats) -> None:
    assert share(windows, flag) >= 0.99


@pytest.mark.parametrize(
    ("flag", "windows", "limits"),
    [
        ("clipping", clipped(GOOD, 0.01) + 1, SignalLimits(clipping_samples=100)),
        ("dropout", dropped(GOOD, 16, held=True), SignalLimits(dropout_samples=18)),
        ("jump", jumped(GOOD, 2), SignalLimits(jump_share=0.6)),
        ("mains-hum", hum(60, noise_share=1), SignalLimits(mains_hum_share=0.5)),
    ],
)
def test_a_limit_can_be_set_beyond_it(
    flag: SignalFlag, windows: Floats, limits: SignalLimits
) -> None:
    assert share(windows, flag, limits) == 0


@pytest.mark.parametrize("samples", [3, 4, 5, 7, 16, 100, 2048])
def test_a_run_of_just_so_many_samples_is_a_dropout_wherever_it_lies(samples: int) -> None:
    limits = SignalLimits(dropout_samples=samples)
    for place in range(0, WINDOW_LENGTH - samples + 1, 11):
        window = np.arange(WINDOW_LENGTH, dtype=np.float32)
        window[place : place + samples - 1] = -1
        assert not signal_flags(window[None], limits)[0, 1]
        window[place : place + samples] = -1
        assert signal_flags(window[None], limits)[0, 1]


@pytest.mark.parametrize("value", [0.0, -3.3, 1e30])
def test_a_flat_window_is_a_dropout_and_nothing_else(value: float) -> None:
    found = signal_flags(np.full((2, WINDOW_LENGTH), value, np.float32), SignalLimits())
    assert [SIGNAL_FLAGS[column] for column in found[0].nonzero()[0]] == ["dropout"]


WRONG = np.concatenate(
    [GOOD[:20], clipped(GOOD, 0.01)[:20], dropped(GOOD, 64, held=True)[:20], jumped(GOOD, 3)[:20]]
)


@given(
    st.sampled_from([1e-30, 1e-18, 1e-4, 0.3, 1e4, 1e15, 1e30]), st.sampled_from([0.0, 10.0, -50.0])
)
def test_neither_unit_nor_gain_nor_offset_matters(gain: float, offset: float) -> None:
    changed = ((WRONG.astype(np.float64) + offset) * gain).astype(np.float32)
    # Clipping at levels equally far from zero is detected by their symmetry: an offset hides it.
    columns = slice(0 if offset == 0 else 1, None)
    np.testing.assert_array_equal(
        signal_flags(changed, SignalLimits())[:, columns],
        signal_flags(WRONG, SignalLimits())[:, columns],
    )


ANY = npst.arrays(
    np.float32, st.tuples(st.integers(0, 3), st.just(WINDOW_LENGTH)), elements=st.floats(width=32)
)


def nudged(factor: float) -> SignalLimits:
    """The limits, those of shares times a factor."""
    usual = SignalLimits()
    return SignalLimits(
        jump_share=usual.jump_share * factor, mains_hum_share=usual.mains_hum_share * factor
    )


def test_an_extreme_window_changes_nothing_for_its_neighbours() -> None:
    """It is scaled before it is squared; windows with samples just at a level must not be."""
    rows = np.zeros((300, WINDOW_LENGTH), np.float32)
    rows[:, ::2] = 0.1 * np.arange(WINDOW_LENGTH // 2) / WINDOW_LENGTH
    peaks = np.random.default_rng(5).uniform(1, 2, len(rows)).astype(np.float32)
    rows[:, 7], rows[:, 9] = peaks, -peaks / 2
    at_the_level = peaks - 0.5e-4 * (peaks + peaks / 2)
    for place in range(100, 500, 100):
        rows[:, place] = at_the_level
    huge = np.full((1, WINDOW_LENGTH), 1e30, np.float32)
    apart = signal_flags(rows, SignalLimits())
    assert 0 < apart[:, 0].mean() < 1, "some are rounded up to the level and some down"
    for begin in range(0, len(rows), 50):
        chunk = slice(begin, begin + 50)
        together = signal_flags(np.concatenate([huge, rows[chunk]]), SignalLimits())[1:]
        np.testing.assert_array_equal(together[:, :2], apart[chunk, :2])


@given(ANY.map(np.nan_to_num))
def test_every_finite_window_is_flagged_independently_of_its_batch(
    windows: NDArray[np.float32],
) -> None:
    found = signal_flags(windows, SignalLimits())
    assert found.shape == (len(windows), len(SIGNAL_FLAGS))
    together = signal_flags(np.concatenate([WRONG, windows]), SignalLimits())[len(WRONG) :]
    # Clipping and dropout are counted sample by sample, exactly. Shares of power come out of matrix
    # products, whose rounding depends on the batch: where one lies at its limit to 1e-4, both are
    # right.
    np.testing.assert_array_equal(found[:, :2], together[:, :2])
    low, high = (signal_flags(windows, nudged(factor)) for factor in (1 - 1e-4, 1 + 1e-4))
    np.testing.assert_array_equal(found[low == high], together[low == high])


def test_a_window_at_full_scale_is_clipped_and_one_beyond_is_in_another_unit() -> None:
    windows = np.stack([GOOD[0] / GOOD[0].max() * peak for peak in (4.9, 5.0, 5.2, 30_000)])
    peaks = np.abs(windows).max(axis=1)
    windows *= (np.array([4.9, 5.0, 5.2, 30_000]) / peaks)[:, None].astype(np.float32)
    known = signal_flags(windows, SignalLimits(), np.full(4, 5.0))
    assert known[:, 0].tolist() == [False, True, False, False]
    assert not signal_flags(windows, SignalLimits(), np.full(4, np.nan)).any()


MAINS = (50.0, 60.0)
NEAR = SAMPLING_RATE / WINDOW_LENGTH


def hum_flags(hertz: float, rpm: float) -> NDArray[np.bool_]:
    """Whether windows of a tone are flagged as hum where the shaft turns at this speed."""
    windows = hum(hertz)
    found = signal_flags(windows, SignalLimits(), rpm=np.full(len(windows), rpm))
    return found[:, SIGNAL_FLAGS.index("mains-hum")]


@given(st.floats(-1, 1), st.sampled_from(MAINS), st.sampled_from([1, 2]))
def test_a_tone_of_the_shaft_near_a_mains_frequency_is_no_hum(
    off: float, mains: float, order: int
) -> None:
    hertz = mains + off * NEAR
    assert not hum_flags(hertz, hertz / order * 60).any()


@given(st.floats(100, 20_000), st.sampled_from([1, 2]))
def test_a_tone_of_the_shaft_is_no_hum_at_any_speed(rpm: float, order: int) -> None:
    assert not hum_flags(rpm / 60 * order, rpm).any()


@given(st.floats(0.965, 1.035), st.sampled_from(MAINS), st.sampled_from([1, 2]))
def test_a_stated_speed_may_be_a_little_off(error: float, mains: float, order: int) -> None:
    assert not hum_flags(mains, mains / order * 60 * error).any()


@given(st.one_of(st.floats(0, 100_000), st.just(float("nan"))), st.sampled_from(MAINS))
def test_hum_is_flagged_at_all_other_speeds(rpm: float, mains: float) -> None:
    apart = min(abs(rpm / 60 * order - mains) for order in (1, 2))
    assert hum_flags(mains, rpm).all() == (not apart < NEAR)


def test_each_window_is_judged_by_its_own_speed() -> None:
    windows, speeds = hum(50)[:4], np.array([3000.0, 1500.0, 2000.0, np.nan])
    found = signal_flags(windows, SignalLimits(), rpm=speeds)
    assert found[:, SIGNAL_FLAGS.index("mains-hum")].tolist() == [False, False, True, True]


@pytest.mark.parametrize(("windows", "flagged"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_tone_of_the_shaft_is_in_half_of_the_windows_of_a_measurement(
    windows: int, flagged: bool
) -> None:
    """In fewer it is hum; another measurement makes no difference."""
    measured = np.concatenate([hum(50)[:windows], GOOD[: 5 - windows], hum(50)[:3]])
    grouping = Grouping.of(8, np.array([5, 3]))
    speeds = np.full(8, 1500.0)
    found = signal_flags(measured, SignalLimits(), rpm=speeds, grouping=grouping)
    hums = found[:, SIGNAL_FLAGS.index("mains-hum")]
    assert hums.tolist() == [flagged] * windows + [False] * (8 - windows)


@pytest.fixture(scope="module")
def real(cwru_data: Path) -> list[Recording]:
    return list(load(cwru_data, present(cwru_data)))


def test_false_alarms_on_all_real_recordings(real: list[Recording]) -> None:
    """236 and 237 are clipped, and 234 once; 200 is at a gain where it clips below full scale."""
    found: Counter[tuple[str, str]] = Counter()
    windows = 0
    for recording in real:
        cut = recording.windows().astype(np.float32)
        windows += len(cut)
        for row in signal_flags(cut, SignalLimits(), np.full(len(cut), FULL_SCALE)):
            found.update(
                (recording.id, flag) for flag, has in zip(SIGNAL_FLAGS, row, strict=True) if has
            )
    truly = {("236", "clipping"): 3, ("237", "clipping"): 2, ("234", "clipping"): 1}
    truly |= {("200", "clipping"): 2}
    by_chance = {("199", "clipping"): 1, ("223", "clipping"): 1, ("246", "clipping"): 1}
    assert windows >= 3607
    assert found == truly | by_chance
