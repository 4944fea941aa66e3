"""The network in C: `kernel.c`, called without Python's lock."""

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.backends import BackendName, Output, Windows
from model.backends.plain import PlainBackend, standardised
from model.novelty import Novelty
from model.weights import FEATURES, Weights

Level = Literal["baseline", "avx2", "avx512"]
"""Instructions that the kernel uses, in the kernel's order."""

LIBRARY: Final = Path(__file__).with_name("_kernel.so")
"""Built by setup.py where there is a compiler."""

LEVELS: Final[tuple[Level, ...]] = get_args(Level)

_PADDED: Final = 192
"""The kernel's length of a row of features: `FEATURES`, and zeros."""

_TOLERANCE: Final = 1e-5
"""What every backend promises of probabilities, and relatively of novelty."""


class NativeError(Exception):
    """The kernel cannot be used; the message states why."""


class _Network(ctypes.Structure):
    """`struct network` of kernel.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("filters", "bias", "weights", "offsets")),
        *((name, ctypes.c_void_p) for name in ("whitening", "shift", "means")),
        ("classes", ctypes.c_int64),
    )


class NativeBackend:
    """The network in C, on a CPU.

    Attributes:
        threads: That share a batch.
    """

    name: BackendName = "native"
    device = "cpu"

    def __init__(
        self,
        weights: Weights,
        novelty: Novelty | None = None,
        threads: int | None = None,
        level: Level | None = None,
    ) -> None:
        """Prepare the arrays, and check the kernel against the network in NumPy, in float64.

        Args:
            weights: Of the network.
            novelty: Description of the windows trained on; without it no window is novel.
            threads: That share a batch; None is one.
            level: Instructions to use; None for the most that this processor has.

        Raises:
            NativeError: The kernel was not built, cannot be loaded, this processor lacks the
                instructions of the level, or the numbers are wrong.
        """
        self._library = library()
        available = levels()
        if level is not None and level not in available:
            raise NativeError(f"this processor lacks the instructions of the level {level}")
        self._level = LEVELS.index(level or available[-1])
        self._arrays = _arrays(weights, novelty)
        self._network = _structure(self._arrays)
        self.threads = max(threads or 1, 1)
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        _check(self, PlainBackend(weights, novelty, threads=1, precision=np.float64))

    def examine(self, windows: Windows) -> Output:
        """Examine windows; see `Backend.examine`."""
        if windows.dtype.type is np.float64:
            windows = standardised(windows)
        integers = windows.dtype.type is np.int16
        batch: NDArray[Any] = np.ascontiguousarray(windows, np.int16 if integers else np.float32)
        batch = np.require(batch, requirements=["ALIGNED"])
        probabilities = np.empty((len(batch), len(FAULT_LABELS)), np.float32)
        novelty = np.empty(len(batch), np.float32)
        if self._pool is None or len(batch) < self.threads:
            self._call(batch, probabilities, novelty)
            return probabilities, novelty
        bounds = np.linspace(0, len(batch), self.threads + 1).astype(np.int64)
        parts = [slice(*pair) for pair in pairwise(bounds)]
        called = self._pool.map(
            lambda part: self._call(batch[part], probabilities[part], novelty[part]), parts
        )
        # To the end of the last; an error of any is raised here.
        list(called)
        return probabilities, novelty

    def _call(
        self,
        windows: NDArray[Any],
        probabilities: NDArray[np.float32],
        novelty: NDArray[np.float32],
    ) -> None:
        self._library.bearing_examine(
            windows.ctypes.data,
            len(windows),
            int(windows.dtype.type is np.int16),
            self._level,
            ctypes.byref(self._network),
            probabilities.ctypes.data,
            novelty.ctypes.data,
        )


class ExaminerThread:
    """`struct examiner` of kernel.c: computes network and statistics; see `model.examiner`.

    One thread of Python uses it at a time.
    """

    def __init__(self, backend: NativeBackend, least_run: int) -> None:
        """Start the thread.

        Args:
            backend: Of the network; one that is checked.
            least_run: As for `model.statistics.statistics`.

        Raises:
            NativeError: The system has no thread left.
        """
        # The thread reads its arrays.
        self._backend = backend
        self._library = library()
        self._started = ctypes.c_void_p(
            self._library.bearing_examiner_start(
                ctypes.byref(backend._network), backend._level, least_run
            )
        )
        if not self._started:
            raise NativeError("the system has no thread left")
        self._arrays: tuple[NDArray[Any], ...] = ()

    def use(
        self,
        windows: NDArray[np.float32],
        probabilities: NDArray[np.float32],
        novelty: NDArray[np.float32],
        rows: NDArray[Any],
        done: int,
    ) -> None:
        """Forget all windows; next are those of other arrays. Returns when nothing is read.

        Args:
            windows: (n, 2048), contiguous.
            probabilities: (m, 4), m ≥ n, for the output.
            novelty: (m,), for the output.
            rows: (m,) of `struct statistics`, for the output.
            done: How many of the windows are examined.
        """
        arrays = windows, probabilities, novelty, rows
        addresses = [array.ctypes.data for array in arrays]
        self._library.bearing_examiner_use(self._started, *addresses, done)
        self._arrays = arrays

    def extend(self, end: int) -> None:
        """Let it examine the windows before `end`."""
        self._library.bearing_examiner_extend(self._started, end)

    def wait(self, end: int) -> None:
        """Return when the windows before `end`, at most those of `extend`, are examined."""
        self._library.bearing_examiner_wait(self._started, end)

    def stop(self) -> None:
        """End the thread; nothing may be called after that."""
        self._library.bearing_examiner_stop(self._started)


def levels() -> tuple[Level, ...]:
    """Return the instruction levels of the kernel that this processor has.

    Raises:
        NativeError: The kernel was not built or cannot be loaded.
    """
    return LEVELS[: library().bearing_levels()]


@cache
def library() -> Any:
    """Load the kernel; raises NativeError. A failure is not cached."""
    if not LIBRARY.is_file():
        raise NativeError("the kernel in C was not built: no C compiler was found")
    try:
        library = ctypes.CDLL(str(LIBRARY))
        examine = library.bearing_examine
        spectra = library.bearing_spectra
        statistics = library.bearing_statistics
        start = library.bearing_examiner_start
        library.bearing_levels.restype = ctypes.c_int
    except (OSError, AttributeError) as error:
        raise NativeError(f"the kernel in C cannot be loaded: {error}") from error
    pointer = ctypes.c_void_p
    examine.restype = None
    examine.argtypes = [pointer, ctypes.c_int64, ctypes.c_int, ctypes.c_int, *[pointer] * 3]
    spectra.restype = ctypes.c_int
    spectra.argtypes = [pointer, ctypes.c_int64, ctypes.c_int, *[pointer] * 3]
    statistics.restype = None
    statistics.argtypes = [pointer, ctypes.c_int64, ctypes.c_int, ctypes.c_int, pointer]
    start.restype = pointer
    start.argtypes = [pointer, ctypes.c_int, ctypes.c_int]
    library.bearing_examiner_use.argtypes = [*[pointer] * 5, ctypes.c_int64]
    library.bearing_examiner_extend.argtypes = [pointer, ctypes.c_int64]
    library.bearing_examiner_wait.argtypes = [pointer, ctypes.c_int64]
    library.bearing_examiner_stop.argtypes = [pointer]
    for name in ("use", "extend", "wait", "stop"):
        getattr(library, f"bearing_examiner_{name}").restype = None
    return library


def _arrays(weights: Weights, novelty: Novelty | None) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of the kernel's structure, rows of features padded with zeros."""
    temperature = 1.0 if novelty is None else novelty.temperature
    arrays = {
        "filters": _quarters(weights.arrays["conv.weight"][:, 0]),
        "bias": weights.arrays["conv.bias"],
        "weights": _padded(weights.arrays["fc.weight"] / temperature),
        "offsets": weights.arrays["fc.bias"] / temperature,
    }
    if novelty is not None:
        scaled = novelty.scaled()
        arrays |= {
            "whitening": _padded(scaled.matrix),
            "shift": _padded(scaled.shift),
            "means": _padded(scaled.means),
        }
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _quarters(filters: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the filters (5, 100) as the kernel takes them (9, 5, 25): see `struct network`."""
    quarters = _halves(_halves(filters.astype(np.float64)))
    return quarters.swapaxes(0, 1).reshape(9, len(filters), -1)


def _halves(filters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the even taps of filters (..., taps), their sum with the odd ones, and these."""
    even, odd = filters[..., ::2], filters[..., 1::2]
    return np.stack([even, even + odd, odd])


def _structure(arrays: dict[str, NDArray[np.float32]]) -> _Network:
    addresses = {name: array.ctypes.data for name, array in arrays.items()}
    return _Network(**addresses, classes=len(arrays.get("means", ())))


def _padded(array: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, _PADDED - FEATURES)])


def _check(backend: NativeBackend, reference: PlainBackend) -> None:
    """Raise NativeError unless the kernel gives the numbers of the reference."""
    for windows in _samples():
        expected, expected_novelty = reference.examine(windows)
        for batch in (1, len(windows)):
            found, novelty = backend.examine(windows[:batch])
            apart = float(np.abs(found - expected[:batch]).max())
            relative = np.abs(novelty - expected_novelty[:batch])
            relative /= np.maximum(expected_novelty[:batch], 1)
            worst = max(apart, float(relative.max()))
            if not worst <= _TOLERANCE:
                raise NativeError(
                    f"the kernel in C gives other numbers than NumPy ({worst:.1e} apart), as a "
                    "wrong compiler may"
                )


def _samples() -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
    """Yield batches that reach each path of the kernel: tones in noise, offsets, counts, flat."""
    time = np.arange(WINDOW_LENGTH)
    generator = np.random.default_rng(0)
    tones = np.sin(np.linspace(0.05, 2.8, 11)[:, None] * time)
    windows = (tones + generator.standard_normal(tones.shape)).astype(np.float32)
    yield windows
    yield windows + np.float32(1000)
    yield (windows * 3000).astype(np.int16)
    yield np.full((2, WINDOW_LENGTH), 7, np.float32)
