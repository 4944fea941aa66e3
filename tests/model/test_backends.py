"""Every backend gives the numbers of the definition, at each instruction level there is here."""

import ctypes
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.backends import Backend, native
from model.backends.choice import DeviceError, on_cpu, opened
from model.backends.cuda import CudaBackend
from model.backends.native import NativeBackend, NativeError, levels
from model.backends.plain import PlainBackend
from model.backends.torch_backend import TorchBackend
from model.network import Network
from model.novelty import NOVELTY_FILE, Novelty
from model.scaling import standardise
from model.weight_files import load_weights

pytestmark = pytest.mark.numeric

ASSETS = Path(str(files("assets")))
WEIGHTS = load_weights(ASSETS)
NOVELTY = Novelty.load(ASSETS / NOVELTY_FILE, WEIGHTS)

TOLERANCE = 1e-5
"""What every backend promises."""

BUILT = native.LIBRARY.is_file()
needs_kernel = pytest.mark.skipif(not BUILT, reason="the kernel in C was not built here")

BACKENDS: dict[str, Callable[[], Backend]] = {
    "numpy": lambda: PlainBackend(WEIGHTS, NOVELTY, threads=1),
    "torch": lambda: TorchBackend(WEIGHTS, NOVELTY),
    "cuda": lambda: CudaBackend(WEIGHTS, NOVELTY),
    **{
        level: lambda level=level: NativeBackend(WEIGHTS, NOVELTY, level=level)  # type: ignore[misc]
        for level in (levels() if BUILT else ())
    },
}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return BACKENDS[request.param]()


def signal(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Return windows whose diagnoses differ: noise through a random tone each."""
    generator = np.random.default_rng(seed)
    frequency = generator.uniform(0.02, 3, (rows, 1))
    windows = 2 * np.sin(frequency * np.arange(2048)) + generator.standard_normal((rows, 2048))
    return windows.astype(np.float32)


@cache
def counts() -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Return more windows than a chunk of any backend, no multiple of one, and their result."""
    windows = (signal(150) * 3000).astype(np.int16)
    return windows, defined(windows.astype(np.float32))


def defined(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities by the network as it is defined, in float64."""
    network = Network.of(WEIGHTS).double()
    with torch.inference_mode():
        standard = standardise(torch.from_numpy(windows.astype(np.float64))).double()
        logits = network(standard) / NOVELTY.temperature
        probabilities: NDArray[np.float64] = logits.softmax(dim=1).numpy()
    return probabilities


@settings(deadline=None, max_examples=20)
@given(rows=st.sampled_from([0, 1, 2, 3, 5, 20]), seed=st.integers(0, 99), data=st.data())
def test_it_gives_the_numbers_of_the_definition(
    rows: int, seed: int, data: st.DataObject, backend: Backend
) -> None:
    offset = data.draw(st.sampled_from([0, 1, -1000, 1000]))
    scale = np.float32(10.0 ** data.draw(st.integers(-30, 30)))
    windows = (signal(rows, seed) + np.float32(offset)) * scale
    probabilities, novelty = backend.examine(windows)
    np.testing.assert_allclose(probabilities, defined(windows), atol=TOLERANCE)
    reference = PlainBackend(WEIGHTS, NOVELTY, threads=1, precision=np.float64)
    np.testing.assert_allclose(novelty, reference.examine(windows)[1], rtol=TOLERANCE)


def test_counts_of_int16_and_float64_are_windows_too(backend: Backend) -> None:
    integers, expected = counts()
    for windows in (integers, integers.astype(np.float64)):
        np.testing.assert_allclose(backend.examine(windows)[0], expected, atol=TOLERANCE)


@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(0, 40), max_size=4), seed=st.integers(0, 99))
def test_no_row_depends_on_another(cuts: list[int], seed: int, backend: Backend) -> None:
    windows = signal(40, seed)
    windows[17] *= 1e20
    pieces = [backend.examine(piece) for piece in np.split(windows, sorted(cuts))]
    for whole, parts in zip(backend.examine(windows), zip(*pieces, strict=True), strict=True):
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1000, 2047])
def test_only_a_window_that_is_not_finite_has_no_numbers(
    value: float, place: int, backend: Backend
) -> None:
    windows = signal(6)
    windows[2, place] = value
    probabilities, novelty = backend.examine(windows)
    assert np.isnan(probabilities[2]).all()
    assert np.isnan(novelty[2]) or backend.name == "torch"
    others = np.delete(np.arange(6), 2)
    np.testing.assert_allclose(probabilities[others], defined(windows[others]), atol=TOLERANCE)


@pytest.mark.parametrize("value", [0, 7, 1e-44, -3e38])
def test_a_flat_window_is_a_window_of_zeros(value: float, backend: Backend) -> None:
    windows = np.full((1, 2048), value, np.float32)
    expected = defined(np.zeros((1, 2048), np.float32))
    np.testing.assert_allclose(backend.examine(windows)[0], expected, atol=TOLERANCE)


def test_several_threads_examine_at_once(backend: Backend) -> None:
    batches = [signal(rows, seed=rows) for rows in (1, 7, 40, 130)] * 3
    with ThreadPoolExecutor(4) as threads:
        for windows, (probabilities, _) in zip(
            batches, threads.map(backend.examine, batches), strict=True
        ):
            np.testing.assert_allclose(probabilities, defined(windows), atol=TOLERANCE)


def test_without_a_description_of_the_windows_trained_on_nothing_is_novel() -> None:
    backends: list[Backend] = [PlainBackend(WEIGHTS), TorchBackend(WEIGHTS)]
    backends += [NativeBackend(WEIGHTS)] if BUILT else []
    for backend in backends:
        assert not backend.examine(signal(3))[1].any()


@needs_kernel
def test_threads_share_a_batch() -> None:
    windows = signal(101)
    alone = NativeBackend(WEIGHTS, NOVELTY).examine(windows)
    shared = NativeBackend(WEIGHTS, NOVELTY, threads=3).examine(windows)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)


@needs_kernel
def test_on_a_cpu_the_kernel_is_chosen() -> None:
    assert on_cpu("auto", WEIGHTS, NOVELTY).name == "native"


def test_without_the_kernel_numpy_is_chosen_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "_kernel.so")
    native.library.cache_clear()
    for content in (None, b"not a library"):
        if content:
            native.LIBRARY.write_bytes(content)
        with caplog.at_level(logging.WARNING):
            assert on_cpu("auto", WEIGHTS, NOVELTY).name == "numpy"
        assert "computing with NumPy" in caplog.text
        with pytest.raises(DeviceError, match=r"kernel in C .*`auto` or `numpy`"):
            on_cpu("native", WEIGHTS, NOVELTY)
    native.library.cache_clear()


@needs_kernel
def test_a_kernel_that_gives_other_numbers_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = native._arrays(WEIGHTS, NOVELTY)
    wrong = arrays | {"bias": arrays["bias"] + np.float32(1e-2)}
    monkeypatch.setattr(native, "_arrays", lambda *_: wrong)
    with caplog.at_level(logging.WARNING):
        assert on_cpu("auto", WEIGHTS, NOVELTY).name == "numpy"
    assert "gives other numbers than NumPy" in caplog.text


@needs_kernel
def test_a_level_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "levels", lambda: ("baseline",))
    with pytest.raises(NativeError, match="lacks the instructions"):
        NativeBackend(WEIGHTS, level="avx512")


def test_a_backend_of_the_cpu_cannot_run_on_cuda() -> None:
    with pytest.raises(DeviceError, match="choose `torch` or `auto`"):
        opened("cuda", "numpy", WEIGHTS, None, None)


def test_without_torch_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.backends.choice.find_spec", lambda _: None)
    for device, backend in (("cpu", "torch"), ("cuda", "auto")):
        with pytest.raises(DeviceError, match=r"pip install 'bearing-stream\[torch\]'"):
            opened(device, backend, WEIGHTS, None, None)  # type: ignore[arg-type]
    assert opened("auto", "auto", WEIGHTS, None, None).device == "cpu"


def test_the_kernel_has_the_structure_that_it_is_called_with() -> None:
    assert ctypes.sizeof(native._Network) == 8 * 8
