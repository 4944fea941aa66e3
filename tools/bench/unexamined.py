"""`bearing-stream consume` without quality flags and novelty, to measure their cost."""

from collections.abc import Sequence
from typing import Self
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import QUALITY_FLAGS
from consumer.command import command
from model.assessment import Assessment
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.grouping import Grouping
from model.settings import AssessmentSettings


class Unexamined(Assessor):
    """The same network without quality flags; its diagnoses are never uncertain."""

    @classmethod
    def of(cls, settings: AssessmentSettings) -> Self:
        """Load the shipped network on the CPU."""
        return cls(Diagnoser.load(device="cpu", threads=settings.threads, backend=settings.backend))

    def assess(
        self,
        windows: NDArray[np.float32],
        _rpm: NDArray[np.float64],
        _sensors: Sequence[str],
        counts: NDArray[np.int64] | None = None,
    ) -> Assessment:
        """Run only the network."""
        grouping, examined = Grouping.of(len(windows), counts), self._network.examine(windows)
        flags = np.zeros((len(grouping), len(QUALITY_FLAGS)), np.bool_)
        probabilities = grouping.mean_probabilities(examined.probabilities)
        return Assessment(probabilities, grouping.mean(examined.novelty), flags)


if __name__ == "__main__":
    with patch("consumer.service.ReloadingAssessor", Unexamined):
        command()
