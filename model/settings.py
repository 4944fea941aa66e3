"""The settings of every command that assesses windows: consumer, HTTP and files."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from bearing_stream.config import Settings
from model.limits import AssessmentLimits


class _DiagnoserSettings(Settings):
    assets: Path | None = None
    """Folder with the trained network; default is the one that ships."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs. `auto` takes CUDA where there is one."""

    threads: int | None = Field(default=None, ge=1, le=256)
    """CPU threads of a forward pass, of CUDA those that copy windows to the GPU. By default one; in
    NumPy, a consumer without `workers` takes two for a backlog, where it has two cores. The network
    is small: to diagnose more windows a second, start more consumers rather than more threads."""

    backend: Literal["auto", "native", "numpy", "torch"] = "auto"
    """What computes the network: C (`native`), NumPy or PyTorch, which all give the same numbers to
    1e-5. `auto` takes PyTorch on CUDA; on a CPU it takes C, or NumPy where C was not built."""

    diagnoser: Literal["auto", "network", "physics"] = "auto"
    """What decides. `auto`: physics where the sensor has a baseline of the healthy machine, with
    the network where the sensor table states that it was trained on that machine; for a sensor
    that the table does not know, the network's prediction, marked as uncertain. `physics`: the same
    without that mark. `network`: the network alone, which is right about the machine that it
    was trained on and no other."""

    sensor_table: Path | None = None
    """TOML table of the sensors: which machine's baseline (`bearing-stream baseline`) each has,
    whether the network was trained on that machine, and its full scale; default is the CWRU
    rig's."""


# The limits come first among the bases, so that their options come last.
class AssessmentSettings(AssessmentLimits, _DiagnoserSettings):
    """Which network, what decides, and the limits beyond which a diagnosis is uncertain."""
