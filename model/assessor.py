"""From windows to their assessment: the entry point that consumer, HTTP and files share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import QUALITY_FLAGS
from model import sensors as sensor_table
from model.assessment import Assessment, PhysicsAssessment
from model.backends import BackendName
from model.backends.choice import BackendChoice, Device
from model.diagnoser import Diagnoser
from model.examined import Examined
from model.examiner import Examiner
from model.grouping import Grouping
from model.limits import AssessmentLimits
from model.physics.baseline import Baseline
from model.physics.baselines import Baselines
from model.physics.measurements import measure_each
from model.physics.rule import decide
from model.quality import SIGNAL_FLAGS, measurement_flags, signal_flags
from model.sensors import Sensors
from model.settings import AssessmentSettings
from model.statistics import Statistics, native_statistics, statistics

DiagnoserName = Literal["auto", "network", "physics"]
"""What decides, as `model.settings` describes it."""


_CACHED_SENSORS: Final = 65_536
"""Sensors whose row of the table is cached."""


class Assessor:
    """Assesses windows: quality of the signal, physics, network and its novelty.

    Attributes:
        name: `bearing-cnn` or `bearing-cnn+physics`.
        version: Of the network's weights and, with physics, of the table of sensors. The same
            version gives the same window the same probabilities, to 1e-5 on any processor.
    """

    def __init__(
        self,
        network: Diagnoser,
        diagnoser: DiagnoserName = "auto",
        sensors: Sensors | None = None,
        limits: AssessmentLimits | None = None,
    ) -> None:
        """Put the parts together; the default for `sensors` is the table of the CWRU rig."""
        self._network = network
        self._limits = limits or AssessmentLimits()
        self._diagnoser = diagnoser
        self._uses_physics = diagnoser != "network"
        self.name = f"{network.name}+physics" if self._uses_physics else network.name
        self.use(sensors or sensor_table.load())

    def use(self, sensors: Sensors) -> None:
        """Assess with this table of sensors from now on; with physics, `version` names it."""
        self._sensors = sensors
        self._row_index = lru_cache(_CACHED_SENSORS)(sensors.row_index)
        scales = [row.full_scale or np.nan for row in sensors.rows]
        # The last is that of sensors without a row, whose index is -1.
        self._full_scales = np.array([*scales, np.nan])
        usual = [np.nan if row.baseline is None else row.baseline.usual_rpm for row in sensors.rows]
        self._usual_speeds = np.array([*usual, np.nan])
        known = [row.baseline is not None or row.network for row in sensors.rows]
        self._networks = np.array([*(row.network for row in sensors.rows), False])
        self._baseline_groups = _baseline_groups(sensors)
        self._unknown_machines = ~np.array([*known, False]) & (self._diagnoser == "auto")
        version = self._network.version
        self.version = f"{version}-{sensors.digest}" if self._uses_physics else version

    @classmethod
    def load(
        cls,
        assets: Path | None = None,
        device: Device = "auto",
        threads: int | None = None,
        diagnoser: DiagnoserName = "auto",
        sensors: Path | None = None,
        limits: AssessmentLimits | None = None,
        backend: BackendChoice = "auto",
    ) -> Self:
        """Load the network and the table of sensors.

        Args:
            assets: Folder with the trained network; None for the project's own.
            device: Where the network runs.
            threads: CPU threads of a forward pass; None leaves their number to the backend.
            diagnoser: What decides.
            sensors: Table of sensors; None for that of the CWRU rig.
            limits: Beyond which a diagnosis is uncertain.
            backend: What computes the network on a CPU.

        Raises:
            model.weights.CheckpointError: The network cannot be loaded.
            model.backends.choice.DeviceError: The device cannot be used.
            model.sensors.SensorsError: The table of sensors or a baseline cannot be used.
        """
        network = Diagnoser.load(assets, device, threads, backend)
        return cls(network, diagnoser, sensor_table.load(sensors), limits)

    @classmethod
    def of(cls, settings: AssessmentSettings) -> Self:
        """Load what the settings name; errors as for `load`."""
        return cls.load(
            settings.assets,
            settings.device,
            settings.threads,
            settings.diagnoser,
            settings.sensor_table,
            settings,
            settings.backend,
        )

    @property
    def device(self) -> str:
        """Where the network runs now: `cpu` or `cuda`."""
        return self._network.device

    @property
    def backend(self) -> BackendName:
        """What computes the network now."""
        return self._network.backend

    def take_second_core(self) -> None:
        """See `Diagnoser.take_second_core`."""
        self._network.take_second_core()

    def examiner(self) -> Examiner | None:
        """Return a thread that does what `examine` does.

        None where the kernel in C is not used, or where several threads share a batch.
        """
        backend = self._network.native
        if backend is None or backend.threads > 1 or native_statistics() is None:
            return None
        return Examiner(backend, self._limits.dropout_samples)

    def examine(self, windows: NDArray[np.float32]) -> Examined:
        """Return the part of an assessment that needs no sensor; for any thread.

        Arguments and errors as for `Diagnoser.examine`.
        """
        signal = statistics(windows, self._limits.dropout_samples)
        return Examined(self._network.examine(windows), signal)

    def assess(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        sensors: Sequence[str],
        counts: NDArray[np.int64] | None = None,
        examined: Examined | None = None,
    ) -> Assessment:
        """Assess measurements of one window or of several.

        Of the windows of a measurement, the network's log-probabilities, the novelty, the heights
        of lines and the shapes of spectra are averaged. Windows with a signal flag are left out of
        the means where there are others: a step in one window changes its spectrum, and is no
        change of the machine. The limits stay those of one window, so that what stands out of one
        window's noise in the mean stands out the more clearly.

        Args:
            windows: (n, 2048) at 12 kHz, finite, any unit; those of a measurement in a row.
            rpm: (m,), shaft speeds of the measurements, NaN where unknown.
            sensors: Ids of the sensors of the m measurements.
            counts: (m,), windows of each measurement; None for one each.
            examined: What `examine` returned for the windows; None to examine them now.

        Returns:
            Of the m measurements.

        Raises:
            ValueError: Another shape, or a sample that is not finite.
        """
        grouping = Grouping.of(len(windows), counts)
        if not len(grouping) == len(rpm) == len(sensors):
            raise ValueError(
                f"expected a speed and a sensor for each measurement, got {len(grouping)} "
                f"measurements, {len(rpm)} speeds and {len(sensors)} sensors"
            )
        examined = examined or self.examine(windows)
        rows = np.fromiter(map(self._row_index, sensors), np.int64, len(sensors))
        of_windows = self._signal_flags(examined.signal, grouping, rpm, rows)
        signal = measurement_flags(of_windows, grouping)
        left, grouping = grouping.without(np.asarray(of_windows.any(axis=1)))
        network = grouping.mean_probabilities(examined.network.probabilities[left])
        novelty = grouping.mean(examined.network.novelty[left])
        novel = novelty > self._limits.novelty_limit
        unknown = self._unknown_machines[rows]
        if not self._uses_physics:
            outside = np.zeros_like(novel)
            return Assessment(network, novelty, _flags(signal, novel, unknown, outside))
        judged = self._judged(windows[left], grouping, rpm, rows, network)
        novel &= ~judged.evidence.decided
        flags = _flags(signal, novel, unknown, judged.outside)
        return Assessment(judged.probabilities, novelty, flags, judged.evidence)

    def _signal_flags(
        self,
        signal: Statistics,
        grouping: Grouping,
        rpm: NDArray[np.float64],
        rows: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return the signal flags (n, 4) of windows, by what the table has on their sensors."""
        speeds = np.where(np.isnan(rpm), self._usual_speeds[rows], rpm)
        scales, speeds = (grouping.repeat(each) for each in (self._full_scales[rows], speeds))
        return signal_flags(signal, self._limits, scales, speeds, grouping)

    def _judged(
        self,
        windows: NDArray[np.float32],
        grouping: Grouping,
        rpm: NDArray[np.float64],
        rows: NDArray[np.int64],
        network: NDArray[np.float32],
    ) -> "_Judged":
        """Apply the rule to the measurements whose sensor has a baseline."""
        probabilities, evidence = network.copy(), PhysicsAssessment.none(len(rpm))
        outside = np.zeros(len(rpm), np.bool_)
        for group in self._baseline_groups:
            which = group.which[rows]
            of_group = which >= 0
            if not of_group.any():
                continue
            # As a rule they are all, and nothing needs to be copied.
            own_windows = windows if of_group.all() else windows[grouping.repeat(of_group)]
            own = np.flatnonzero(of_group)
            measured = measure_each(
                own_windows, rpm[own], group.baselines, which[own], grouping.select(of_group)
            )
            outside[own] = measured.outside | measured.guessed
            readable = np.asarray(np.isfinite(measured.sigmas).all(axis=1))
            own, measured = own[readable], measured.select(readable)
            trained = np.where(self._networks[rows[own], None], network[own], np.float32(np.nan))
            decision = decide(measured, trained)
            probabilities[own] = decision.probabilities
            evidence.sigmas[own], evidence.change[own] = measured.sigmas, measured.distance
            evidence.rpm[own], evidence.found_by[own] = measured.rpm, measured.found_by
            evidence.decided[own] = decision.by_physics
        return _Judged(probabilities, evidence, outside)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Probabilities (m, 4), evidence, and whether its baseline holds a speed, of m measurements."""

    probabilities: NDArray[np.float32]
    evidence: PhysicsAssessment
    outside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _BaselineGroup:
    """The baselines of a table whose spectra are read equally far.

    Args:
        baselines: The baselines.
        which: (rows + 1,), the baseline of each row, -1 where it has none or one of another group;
            the last is that of sensors without a row, whose index is -1.
    """

    baselines: Baselines
    which: NDArray[np.int64]


def _baseline_groups(sensors: Sensors) -> list[_BaselineGroup]:
    groups = []
    found = {row.baseline.reading for row in sensors.rows if row.baseline is not None}
    for reading in sorted(found, key=lambda reading: reading.points):
        which = np.full(len(sensors.rows) + 1, -1)
        own: list[Baseline] = []
        for index, row in enumerate(sensors.rows):
            if row.baseline is not None and row.baseline.reading == reading:
                which[index] = len(own)
                own.append(row.baseline)
        groups.append(_BaselineGroup(Baselines.of(own), which))
    return groups


def _flags(
    signal: NDArray[np.bool_],
    novel: NDArray[np.bool_],
    unknown: NDArray[np.bool_],
    outside: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the quality flags (m, 7), columns as `vocabulary.QUALITY_FLAGS`."""
    flags = np.empty((len(signal), len(QUALITY_FLAGS)), np.bool_)
    flags[:, : len(SIGNAL_FLAGS)] = signal
    for name, column in (
        ("novelty", novel),
        ("unknown-machine", unknown),
        ("outside-baseline", outside),
    ):
        flags[:, QUALITY_FLAGS.index(name)] = column
    return flags
