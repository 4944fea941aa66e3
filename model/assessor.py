"""From windows to all that is said of them: the one way that consumer, HTTP and files share."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import QUALITY_FLAGS
from model import sensors as asset_table
from model.assessment import Assessment, PhysicalEvidence
from model.diagnoser import Device, Diagnoser
from model.limits import Limits
from model.physics.baseline import PARTS, weigh
from model.physics.rule import Rule, decide
from model.quality import signal_flags
from model.sensors import Sensors
from model.settings import AssessmentSettings

DiagnoserName = Literal["network", "physics"]
"""Who decides: the network alone, or physics where it speaks and the network elsewhere."""

_REMEMBERED: Final = 65_536
"""Sensors whose row of the table is remembered."""


class Assessor:
    """Assesses windows: network, novelty, quality of the signal, and physics where it is asked for.

    Attributes:
        name: Of what diagnoses, `bearing-cnn` or `bearing-cnn+physics`.
        version: Of the network's weights and, with physics, of the table of sensors too: the same
            version says the same of the same window.
    """

    def __init__(
        self,
        network: Diagnoser,
        diagnoser: DiagnoserName = "network",
        sensors: Sensors | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Put the pieces together; `sensors` by default is the table that ships."""
        self._network = network
        self._sensors = sensors or asset_table.load()
        self._limits = limits or Limits()
        self._rule = Rule() if diagnoser == "physics" else None
        self._place = lru_cache(_REMEMBERED)(self._sensors.place)
        scales = [asset.full_scale or np.nan for asset in self._sensors.assets]
        # The last is that of sensors without a row, whose place is -1.
        self._full_scales = np.array([*scales, np.nan])
        physics = self._rule is not None
        self.name = f"{network.name}+physics" if physics else network.name
        self.version = f"{network.version}-{self._sensors.digest}" if physics else network.version

    @classmethod
    def load(
        cls,
        assets: Path | None = None,
        device: Device = "auto",
        threads: int | None = None,
        diagnoser: DiagnoserName = "network",
        sensors: Path | None = None,
        limits: Limits | None = None,
    ) -> Self:
        """Load the network and the table of sensors.

        Args:
            assets: Folder with the trained network; None is the one that ships.
            device: Where the network runs.
            threads: CPU threads of a forward pass; None leaves them alone.
            diagnoser: Who decides.
            sensors: Table of sensors; None is the one that ships.
            limits: From where on a diagnosis is doubted.

        Raises:
            model.checkpoint.CheckpointError: The network cannot be loaded.
            model.diagnoser.DeviceError: The device cannot be used.
            model.sensors.SensorsError: The table of sensors or a baseline cannot be used.
        """
        network = Diagnoser.load(assets, device=device, threads=threads)
        return cls(network, diagnoser, asset_table.load(sensors), limits)

    @classmethod
    def of(cls, settings: AssessmentSettings) -> Self:
        """Load what the settings say; errors as for `load`."""
        return cls.load(
            settings.assets,
            settings.device,
            settings.threads,
            settings.diagnoser,
            settings.sensor_table,
            settings.limits(),
        )

    @property
    def device(self) -> str:
        """Where the network runs now: `cpu` or `cuda`."""
        return self._network.device

    def assess(
        self, windows: NDArray[np.float32], rpm: NDArray[np.float64], sensors: Sequence[str]
    ) -> Assessment:
        """Say of windows all that can be said.

        Args:
            windows: (n, 2048) at 12 kHz, finite, any unit.
            rpm: (n,), shaft speeds, NaN where not known.
            sensors: Ids of the n sensors.

        Raises:
            ValueError: Another shape, or a sample that is not finite.
        """
        if not len(windows) == len(rpm) == len(sensors):
            raise ValueError(
                f"expected a speed and a sensor for each window, got {len(windows)} windows, "
                f"{len(rpm)} speeds and {len(sensors)} sensors"
            )
        examined = self._network.examine(windows)
        places = np.fromiter(map(self._place, sensors), np.int64, len(sensors))
        flags = np.empty((len(windows), len(QUALITY_FLAGS)), np.bool_)
        flags[:, :-1] = signal_flags(windows, self._limits, self._full_scales[places])
        flags[:, -1] = examined.novelty > self._limits.novelty_limit
        probabilities, evidence = examined.probabilities, None
        if self._rule is not None:
            probabilities, evidence = self._weigh(windows, rpm, places, probabilities, self._rule)
        return Assessment(probabilities, examined.novelty, flags, evidence)

    def _weigh(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        places: NDArray[np.int64],
        network: NDArray[np.float32],
        rule: Rule,
    ) -> tuple[NDArray[np.float32], PhysicalEvidence]:
        """Return the probabilities with physics heard, and what it says."""
        probabilities = network.copy()
        sigmas = np.full((len(windows), len(PARTS)), np.nan)
        used, decided = np.full(len(windows), np.nan), np.zeros(len(windows), np.bool_)
        for place in np.unique(places[places >= 0]):
            baseline = self._sensors.assets[place].baseline
            if baseline is None:
                continue
            rows = np.flatnonzero(places == place)
            evidence = weigh(windows[rows], rpm[rows], baseline)
            readable = np.isfinite(evidence.sigmas[:, 0])
            rows, evidence = rows[readable], evidence.of(readable)
            verdict = decide(evidence, network[rows], rule)
            probabilities[rows], decided[rows] = verdict.probabilities, verdict.physics
            sigmas[rows], used[rows] = evidence.sigmas, evidence.rpm
        return probabilities, PhysicalEvidence(sigmas, used, decided)
