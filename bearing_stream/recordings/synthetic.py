"""Synthetic recordings of bearing 6205-2RS: endless, seeded, faster than real time, with labels.

They serve users without recordings, and load tests; they are never used to train.

A signal is an excitation filtered by the path from the bearing to the accelerometer. The path is an
all-pole (autoregressive) filter fitted to a CWRU recording of the same fault and load, so that its
impulse response rings, and decays, as the rig's own resonances do. The excitation is white noise,
from rolling, plus the impacts of a rolling element on the fault: at the fault's frequency, each a
little early or late as the element has play in its pocket of the cage, and stronger or weaker as
the fault passes through the load zone. The ratio of impacts to noise is fitted too
(`training.synthetic_fit`), and `assets/synthetic.png` compares the result with the recordings.
"""

import csv
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtri

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.recording import Recording
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH, FaultLabel

IMPACT_ORDER: Final[dict[FaultLabel, float]] = {
    "Ball": 2 * 2.357,  # a fault on a ball strikes both races at each turn of the ball
    "InnerRace": 5.4152,
    "OuterRace": 3.5848,
}
"""Impacts per turn of the shaft, from the geometry of bearing 6205-2RS (data center's tables)."""

MODULATION_ORDER: Final[dict[FaultLabel, float]] = {"Ball": 0.3983, "InnerRace": 1, "OuterRace": 1}
"""Modulation cycles of the impacts per turn. A fault on a ball passes through the load zone with
the cage, one on the inner race with the shaft; one on the outer race does not move, and the load
itself varies with the shaft's imbalance."""

SLIP: Final = 0.015
"""Standard deviation of an impact's time, in intervals between impacts: 1 to 2 % in bearings
(Randall & Antoni, Mechanical Systems and Signal Processing 25, 2011)."""

SCATTER: Final = 0.1
"""Standard deviation of an impact's strength about the modulated one."""

MAX_RPM: Final = 10_000
"""Above this, impacts are too close for 12 kHz to separate them."""

RESPONSE_LENGTH: Final = 1024
"""Samples of the path's response to an impulse: what follows has at most 0.02 % of its energy."""

_NOISE, _IMPACTS = 0, 1
"""Numbers of the streams of random numbers of a sensor."""

_NOISE_STEPS: Final = WINDOW_LENGTH // 16
"""Steps of the generator for the noise of a window: each yields 256 bits, and a sample takes 16."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the fitted table: a fault at a load.

    Args:
        fault: The bearing's state.
        fault_diameter: Inches, None for a healthy bearing.
        load: Horsepower.
        rpm: Shaft speed of the recording that the condition was fitted to.
        level: Standard deviation of the signal, g.
        impact_share: Share of impacts in the signal's power; 0 to 1.
        modulation: Depth m of the impacts' strength 1 + m cos(angle); 0 to 1.
        path: Coefficients a1 … ap of the all-pole filter 1 / (1 + a1 z^-1 + … + ap z^-p).
    """

    fault: FaultLabel
    fault_diameter: float | None
    load: float
    rpm: float
    level: float
    impact_share: float
    modulation: float
    path: tuple[float, ...]


@cache
def conditions() -> tuple[Condition, ...]:
    """Return the fitted table: each of the four labels at loads of 0, 1, 2 and 3 hp."""
    with (files("bearing_stream.recordings") / "synthetic.csv").open(encoding="utf-8") as table:
        return tuple(_condition(row) for row in csv.DictReader(table))


@dataclass(frozen=True, slots=True)
class SyntheticBearing:
    """One sensor on one bearing, with an endless signal.

    Window i is the same in any block and any process, and the signal is continuous from window to
    window.

    Args:
        sensor: The sensor's id. Sensors with different ids have different noise.
        condition: The fault, the load, and their fitted parameters.
        rpm: Shaft speed, up to 10,000 revolutions per minute.
        seed: The same seed generates the same signals.

    Raises:
        RecordingError: `rpm` is out of range.
    """

    sensor: str
    condition: Condition
    rpm: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rpm <= MAX_RPM:
            raise RecordingError(f"expected a shaft speed of up to {MAX_RPM} rpm, got {self.rpm}")

    def windows(self, first: int, count: int) -> NDArray[np.float32]:
        """Generate windows `first` to `first + count - 1`.

        Returns:
            Shape (count, 2048), g, at 12 kHz.
        """
        excitation = self._excitation(first, count + 1)
        # A window contains the ringing of impacts at the end of the previous one, so the two are
        # filtered together, and of the result the window is kept (overlap-save).
        both = np.concatenate([excitation[:-1, -RESPONSE_LENGTH:], excitation[1:]], axis=1)
        filtered = scipy.fft.irfft(scipy.fft.rfft(both) * _response(self.condition))
        return np.asarray(filtered[:, RESPONSE_LENGTH:], dtype=np.float32)

    def recording(self, first: int, count: int) -> Recording:
        """Generate windows `first` to `first + count - 1` as one recording, with its labels."""
        return Recording(
            id=f"{self.sensor}/{first}",
            sensor=self.sensor,
            # With another seed the same window is another signal, so the source differs too.
            collection=f"synthetic/{self.seed}",
            samples=self.windows(first, count).reshape(-1).astype(np.float64),
            sampling_rate=SAMPLING_RATE,
            unit="g",
            fault=self.condition.fault,
            fault_diameter=self.condition.fault_diameter,
            outer_race_position=6 if self.condition.fault == "OuterRace" else None,
            load=self.condition.load,
            rpm=self.rpm,
        )

    def _excitation(self, first: int, count: int) -> NDArray[np.float32]:
        """The excitation of the path, of variance 1, from the window before window `first` on.

        Returns:
            Shape (count, 2048).
        """
        digest = blake2b(f"{self.seed}/{self.sensor}".encode(), digest_size=32).digest()
        key, phases = np.frombuffer(digest, np.uint64).reshape(2, 2)
        share = self.condition.impact_share
        bits = _random_bits(key, _NOISE, first * _NOISE_STEPS, count * _NOISE_STEPS)
        # The number of ones in 16 random bits has mean 8 and variance 4, and is as good as normal
        # once it is filtered; a normal deviate for each sample would take seven times as long.
        noise = np.bitwise_count(bits.view(np.uint16)).astype(np.float32)
        noise -= 8
        noise *= np.sqrt((1 - share) / 4)
        if share:
            self._add_impacts(noise, first, key, _uniform(phases))
        return noise.reshape(count, WINDOW_LENGTH)

    def _add_impacts(
        self,
        excitation: NDArray[np.float32],
        first: int,
        key: NDArray[np.uint64],
        phases: NDArray[np.float64],
    ) -> None:
        """Add the impacts due in successive windows, the first of which is the one before `first`.

        Args:
            excitation: Shape (count · 2048,), changed in place.
            first: As for `_excitation`.
            key: Of the random numbers.
            phases: Two numbers from 0 to 1: of the impacts and of their modulation.
        """
        condition, count = self.condition, excitation.size // WINDOW_LENGTH
        turns = self.rpm / 60 / SAMPLING_RATE  # of the shaft, per sample
        rate = turns * IMPACT_ORDER[condition.fault]  # impacts per sample
        starts = np.arange(first, first + count + 1) * WINDOW_LENGTH
        # Impact k is due at sample (k + phase) / rate, and is numbered in this way in every block.
        due = np.ceil(starts * rate - phases[0]).astype(np.int64)
        number = np.arange(due[0], due[-1])
        bits = _random_bits(key, _IMPACTS, int(due[0]), number.size).reshape(-1, 4)
        slip, scatter = ndtri(_uniform(bits[:, :2])).T
        times = (number + phases[0] + SLIP * slip) / rate
        zone = np.cos(2 * np.pi * (MODULATION_ORDER[condition.fault] * turns * times + phases[1]))
        strength = (1 + condition.modulation * zone) * (1 + SCATTER * scatter)
        power = rate * (1 + condition.modulation**2 / 2) * (1 + SCATTER**2)
        strength *= np.sqrt(condition.impact_share / power)
        # An impact due in a window that slips out of it is moved to its edge.
        start = np.repeat(starts[:-1], np.diff(due))
        at = np.clip(np.rint(times).astype(np.int64) - start, 0, WINDOW_LENGTH - 1) + start
        np.add.at(excitation, at - starts[0], strength.astype(np.float32))


def bearings(
    count: int, seed: int = 0, rpm: float | None = None, load: float | None = None
) -> tuple[SyntheticBearing, ...]:
    """Create `count` sensors, from `bearing-0000`: alternating labels, then alternating loads.

    Args:
        count: Number of sensors.
        seed: The same seed generates the same signals.
        rpm: Shaft speed of all of them; by default, that of the rig under that load.
        load: Horsepower of all of them, the nearest of 0, 1, 2 and 3; by default, all four.
    """
    known = conditions()
    if load is not None:
        nearest = min((row.load for row in known), key=lambda at: abs(at - load))
        known = tuple(row for row in known if row.load == nearest)
    by_label = [[row for row in known if row.fault == label] for label in FAULT_LABELS]
    created = []
    for i in range(count):
        rows = by_label[i % len(by_label)]
        row = rows[i // len(by_label) % len(rows)]
        created.append(SyntheticBearing(f"bearing-{i:04d}", row, rpm or row.rpm, seed))
    return tuple(created)


def _random_bits(
    key: NDArray[np.uint64], stream: int, first: int, steps: int
) -> NDArray[np.uint64]:
    """Random numbers of 64 bits, four for each step of the generator, shape (4 · steps,).

    Philox is a function of key and counter: a window does not depend on those before it.
    """
    generator = np.random.Philox(key=key, counter=[first, 0, stream, 0])
    return np.asarray(generator.random_raw(4 * steps), dtype=np.uint64)


def _uniform(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers between 0 and 1, both excluded, from random ones of 64 bits."""
    return np.asarray(((bits >> np.uint64(12)) + 0.5) * 2.0**-52)


@cache
def _response(condition: Condition) -> NDArray[np.complex64]:
    """Spectrum of the path's response to an impulse, truncated to `RESPONSE_LENGTH`.

    Of `RESPONSE_LENGTH` samples and a window, and scaled so that an excitation of variance 1 yields
    the condition's level.
    """
    impulse = np.zeros(RESPONSE_LENGTH)
    impulse[0] = 1
    ringing = lfilter([1.0], [1.0, *condition.path], impulse)
    ringing *= condition.level / np.sqrt(np.sum(ringing**2))
    return np.asarray(scipy.fft.rfft(ringing, RESPONSE_LENGTH + WINDOW_LENGTH), np.complex64)


def _condition(row: dict[str, str]) -> Condition:
    fault = next(label for label in FAULT_LABELS if label == row["fault"])
    return Condition(
        fault=fault,
        fault_diameter=float(row["fault_diameter_in"]) if row["fault_diameter_in"] else None,
        load=float(row["load_hp"]),
        rpm=float(row["rpm"]),
        level=float(row["level_g"]),
        impact_share=float(row["impact_share"]),
        modulation=float(row["modulation"]),
        path=tuple(float(value) for name, value in row.items() if name.startswith("a")),
    )
