"""What is known of windows, whatever sensor they are from."""

from dataclasses import dataclass

from model.diagnoser import Examination
from model.statistics import Statistics


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """The part of an assessment that needs no sensor, of n windows.

    Args:
        network: The network's output.
        signal: The statistics of the samples.
    """

    network: Examination
    signal: Statistics
