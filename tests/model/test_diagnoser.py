"""The diagnoser's contract, for every batch, scale, offset and device."""

import json
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from model import checkpoint
from model.backends import Backend, BackendName, Output, Windows
from model.backends.choice import DeviceError
from model.backends.plain import PlainBackend
from model.diagnoser import Diagnoser
from model.network import Network
from model.weight_files import load_weights
from model.weights import CheckpointError

pytestmark = pytest.mark.numeric

ASSETS = Path(str(files("assets")))

TOLERANCE = 1e-5
"""What the diagnoser promises of one window in two runs: kernels for matrix products may add in
another order for another batch, memory alignment or number of threads."""


@pytest.fixture(scope="module")
def diagnoser() -> Diagnoser:
    return Diagnoser.load(device="cpu")


def signal(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Return windows whose diagnoses differ: noise through a random resonance each."""
    generator = np.random.default_rng(seed)
    time = np.arange(2048)
    frequency = generator.uniform(0.02, 0.45, (rows, 1))
    windows = np.sin(2 * np.pi * frequency * time) * generator.exponential(1, (rows, 1))
    return (windows + generator.standard_normal((rows, 2048))).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(
    rows=st.integers(0, 300),
    seed=st.integers(0, 99),
    dtype=st.sampled_from([np.float32, np.float64, np.int16]),
)
def test_every_window_gets_finite_probabilities(
    rows: int, seed: int, dtype: Any, diagnoser: Diagnoser
) -> None:
    probabilities = diagnoser.diagnose((signal(rows, seed) * 1000).astype(dtype))
    assert probabilities.shape == (rows, 4)
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_windows_of_different_kinds_get_different_probabilities(diagnoser: Diagnoser) -> None:
    assert np.ptp(diagnoser.diagnose(signal(300)), axis=0).max() > 0.5


@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(0, 300), max_size=5), seed=st.integers(0, 99))
def test_the_batch_changes_nothing(cuts: list[int], seed: int, diagnoser: Diagnoser) -> None:
    windows = signal(300, seed)
    pieces = np.split(windows, sorted(cuts))
    apart = np.concatenate([diagnoser.diagnose(piece) for piece in pieces])
    np.testing.assert_allclose(apart, diagnoser.diagnose(windows), atol=TOLERANCE)


@settings(deadline=None)
@given(exponent=st.floats(-30, 30), offset=st.floats(-1e6, 1e6), seed=st.integers(0, 99))
def test_scale_and_offset_change_nothing(
    exponent: float, offset: float, seed: int, diagnoser: Diagnoser
) -> None:
    windows = signal(8, seed).astype(np.float64)
    moved = (windows + offset) * 10**exponent
    np.testing.assert_allclose(
        diagnoser.diagnose(moved), diagnoser.diagnose(windows), atol=TOLERANCE
    )


@settings(deadline=None)
@given(exponent=st.floats(-30, 30), seed=st.integers(0, 99))
def test_scale_changes_nothing_in_float32(exponent: float, seed: int, diagnoser: Diagnoser) -> None:
    windows = signal(8, seed)
    scaled = windows * np.float32(10**exponent)
    np.testing.assert_allclose(
        diagnoser.diagnose(scaled), diagnoser.diagnose(windows), atol=TOLERANCE
    )


@settings(deadline=None)
@given(offset=st.integers(-30_000, 30_000), seed=st.integers(0, 99))
def test_raw_counts_need_no_calibration(offset: int, seed: int, diagnoser: Diagnoser) -> None:
    counts = (signal(8, seed) * 100).astype(np.int16)
    moved = (counts // 2 + offset).clip(-32768, 32767).astype(np.int16)
    np.testing.assert_allclose(
        diagnoser.diagnose(moved), diagnoser.diagnose(moved.astype(np.float32)), atol=TOLERANCE
    )
    np.testing.assert_allclose(
        diagnoser.diagnose((counts // 2 + offset).astype(np.float32)),
        diagnoser.diagnose((counts // 2).astype(np.int16)),
        atol=TOLERANCE,
    )


def test_flat_windows_stay_finite(diagnoser: Diagnoser) -> None:
    flat = np.repeat(np.array([[0], [1e-44], [-3e38], [7]], np.float32), 2048, axis=1)
    probabilities = diagnoser.diagnose(flat)
    assert np.isfinite(probabilities).all()
    # Not equal to the bit: where a matrix product works on blocks of rows (AVX-512 BF16 kernels
    # do), the rows of one product may differ in the last bit.
    np.testing.assert_allclose(
        probabilities, np.broadcast_to(probabilities[0], probabilities.shape), atol=TOLERANCE
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 299])
def test_a_sample_that_is_not_finite_is_refused_by_row(
    value: float, row: int, diagnoser: Diagnoser
) -> None:
    windows = signal(301)
    windows[row, 5] = value
    windows[300, 5] = value
    with pytest.raises(ValueError, match=rf"window {row} .*not finite"):
        diagnoser.diagnose(windows)


@pytest.mark.parametrize("shape", [(2048,), (1, 2047), (1, 1, 2048), (2048, 1)])
def test_another_shape_is_refused(shape: tuple[int, ...], diagnoser: Diagnoser) -> None:
    with pytest.raises(ValueError, match=r"\(n, 2048\)"):
        diagnoser.diagnose(np.zeros(shape, np.float32))


@pytest.mark.parametrize("dtype", [np.int32, np.complex64, np.bool_, object])
def test_another_dtype_is_refused(dtype: Any, diagnoser: Diagnoser) -> None:
    with pytest.raises(ValueError, match="float32, float64 or int16"):
        diagnoser.diagnose(np.zeros((1, 2048), dtype))


def test_any_memory_layout_is_read_and_none_is_written(diagnoser: Diagnoser) -> None:
    windows = signal(5)
    expected = diagnoser.diagnose(windows.copy())
    read_only = windows.copy()
    read_only.setflags(write=False)
    unaligned = np.frombuffer(b"\0" + windows.tobytes(), np.uint8)[1:].view("<f4").reshape(5, 2048)
    for layout in (
        read_only,
        unaligned,
        np.asfortranarray(windows),
        windows[::-1][::-1],
        np.repeat(windows, 2, axis=0)[::2],
        windows.astype(">f4"),
    ):
        np.testing.assert_allclose(diagnoser.diagnose(layout), expected, atol=TOLERANCE)
    kept = windows.copy()
    diagnoser.diagnose(kept)
    np.testing.assert_array_equal(kept, windows)


class FailingBackend:
    """A GPU that computes twice and then fails permanently."""

    name: BackendName = "torch"
    device = "cuda"

    def __init__(self, backend: Backend) -> None:
        self.backend, self.calls = backend, 0

    def examine(self, windows: Windows) -> Output:
        self.calls += 1
        if self.calls > 2:
            raise RuntimeError("CUDA error: unspecified launch failure")
        return self.backend.examine(windows)


def test_a_device_that_fails_is_replaced_by_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    weights, windows = load_weights(ASSETS), signal(70)
    expected = Diagnoser(weights).diagnose(windows)
    failing = FailingBackend(PlainBackend(weights))
    diagnoser = Diagnoser(weights, backend=failing)
    for _ in range(2):
        diagnoser.diagnose(windows)
    assert diagnoser.device == "cuda"
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(diagnoser.diagnose(windows), expected, atol=TOLERANCE)
    assert diagnoser.device == "cpu"
    assert "unspecified launch failure" in caplog.text
    assert failing.calls == 3
    np.testing.assert_allclose(diagnoser.diagnose(windows), expected, atol=TOLERANCE)
    assert failing.calls == 3, "a device that failed once is not used again"


def test_a_thread_that_fails_after_another_has_changed_the_device_continues_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FailingForBoth(FailingBackend):
        both_began, changed = Barrier(2), Event()

        def examine(self, windows: Windows) -> Output:  # noqa: ARG002 - the contract of Backend
            if self.both_began.wait(10):
                # The other thread continues on the CPU before this one fails.
                assert self.changed.wait(10)
            raise RuntimeError("CUDA error: unspecified launch failure")

    weights, windows = load_weights(ASSETS), signal(70)
    failing = FailingForBoth(PlainBackend(weights))
    diagnoser = Diagnoser(weights, backend=failing)

    def diagnosed(_: int) -> NDArray[np.float32]:
        probabilities = diagnoser.diagnose(windows)
        failing.changed.set()
        return probabilities

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(diagnosed, range(2))
    np.testing.assert_array_equal(one, other)
    assert diagnoser.device == "cpu"
    assert caplog.text.count("unspecified launch failure") == 1


@pytest.mark.parametrize(("cores", "threads"), [({0}, 1), ({0, 1}, 2)])
def test_numpy_takes_a_second_core_only_where_there_is_one(
    cores: set[int], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: cores, raising=False)
    weights, windows = load_weights(ASSETS), signal(130)
    backend = PlainBackend(weights)
    diagnoser = Diagnoser(weights, backend=backend)
    before = diagnoser.diagnose(windows)
    diagnoser.take_second_core()
    assert backend.threads == threads
    np.testing.assert_allclose(diagnoser.diagnose(windows), before, atol=TOLERANCE)


def test_a_bad_window_does_not_change_the_device() -> None:
    weights = load_weights(ASSETS)
    diagnoser = Diagnoser(weights, backend=FailingBackend(PlainBackend(weights)))
    with pytest.raises(ValueError, match="not finite"):
        diagnoser.diagnose(np.full((1, 2048), np.nan, np.float32))
    assert diagnoser.device == "cuda"


def test_an_error_on_the_cpu_itself_is_not_hidden() -> None:
    weights = load_weights(ASSETS)
    failing = FailingBackend(PlainBackend(weights))
    failing.calls, failing.device = 2, "cpu"
    with pytest.raises(RuntimeError, match="launch failure"):
        Diagnoser(weights, backend=failing).diagnose(signal(1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_cuda() -> None:
    assert Diagnoser.load(device="auto").device == "cpu"
    with pytest.raises(DeviceError, match=r"CUDA was asked for.*`cpu` or `auto`"):
        Diagnoser.load(device="cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_that_is_present_but_does_not_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("model.backends.choice._has_driver", lambda: True)
    with caplog.at_level(logging.WARNING):
        assert Diagnoser.load(device="auto").device == "cpu"
    assert "continuing on the CPU" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_gives_the_same_numbers(diagnoser: Diagnoser) -> None:
    there = Diagnoser.load(device="cuda")
    assert there.device == "cuda"
    windows = signal(10_000)
    np.testing.assert_allclose(there.diagnose(windows), diagnoser.diagnose(windows), atol=TOLERANCE)


def test_it_names_itself_its_version_and_its_device(diagnoser: Diagnoser) -> None:
    assert diagnoser.labels == FAULT_LABELS
    assert diagnoser.name
    assert diagnoser.version == load_weights(ASSETS).digest[:12]
    assert diagnoser.device == "cpu"
    assert Diagnoser(Network().weights()).version != diagnoser.version


@pytest.mark.parametrize(("asked", "taken"), [(None, 1), (1, 1), (2, 2)])
def test_torch_takes_the_threads_that_were_asked_for(asked: int | None, taken: int) -> None:
    before = torch.get_num_threads()
    try:
        Diagnoser.load(device="cpu", threads=asked, backend="torch")
        assert torch.get_num_threads() == taken
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (json.dumps(["Normal", "Ball", "InnerRace", "OuterRace"]), "decodes to"),
        ("{", "no readable label decoder"),
        (None, "no readable label decoder"),
    ],
)
def test_another_label_decoder_is_refused(labels: str | None, message: str, tmp_path: Path) -> None:
    shutil.copy(ASSETS / "model.pt", tmp_path)
    if labels is not None:
        (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(CheckpointError, match=message):
        Diagnoser.load(tmp_path, device="cpu")


def test_another_folder_is_another_network(tmp_path: Path, diagnoser: Diagnoser) -> None:
    network = Network()
    checkpoint.save(network, tmp_path / "model.pt")
    shutil.copy(ASSETS / "labels.json", tmp_path)
    other = Diagnoser.load(tmp_path, device="cpu")
    assert other.version == network.weights().digest[:12] != diagnoser.version
