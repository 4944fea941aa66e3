"""The windows of a batch are shared by threads, and the diagnoses are the same."""

import threading
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.commands.serve.bodies import Records
from bearing_stream.commands.serve.responses import MIN_PART, Analyst, RequestedRecords
from model.assessment import Assessment
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.examined import Examined


class CountingAssessor(Assessor):
    """Records the number of windows of each thread."""

    def __init__(self) -> None:
        super().__init__(Diagnoser.load(device="cpu"))
        self.parts: list[int] = []
        self.meet: threading.Barrier | None = None

    def assess(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        sensors: Sequence[str],
        counts: NDArray[np.int64] | None = None,
        examined: Examined | None = None,
    ) -> Assessment:
        self.parts.append(len(windows))
        if self.meet:
            self.meet.wait(30)
        return super().assess(windows, rpm, sensors, counts, examined)


def requests(*sizes: int) -> list[RequestedRecords]:
    generator = np.random.default_rng(0)
    return [
        RequestedRecords(
            Records.single(generator.normal(size=(size, 2048)).astype(np.float32)), "", np.nan
        )
        for size in sizes
    ]


@pytest.mark.parametrize("sizes", [(0,), (1,), (0, 5, 0), (31, 33, 1), (200,), (40, 300)])
def test_each_request_gets_the_diagnoses_of_its_records(
    assessor: Assessor, sizes: tuple[int, ...]
) -> None:
    batch = requests(*sizes)
    alone, spread = (Analyst(assessor, False, threads).analyse(batch) for threads in (1, 3))
    assert [len(diagnoses) for diagnoses in spread] == list(sizes)
    for one, other in zip(chain(*alone), chain(*spread), strict=True):
        assert one["Prediction"] == other["Prediction"]
        assert one["Novelty"] == pytest.approx(other["Novelty"], rel=1e-4)
        for label, probability in one["Probabilities"].items():
            assert other["Probabilities"][label] == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize(
    ("windows", "parts"),
    [(2 * MIN_PART - 1, 1), (2 * MIN_PART, 2), (201, 2)],
)
def test_large_batches_are_assessed_in_parallel(windows: int, parts: int) -> None:
    assessor = CountingAssessor()
    # The barrier opens only if all threads run at the same time.
    assessor.meet = threading.Barrier(parts)
    Analyst(assessor, False, 2).analyse(requests(windows))
    assert sum(assessor.parts) == windows
    assert max(assessor.parts) - min(assessor.parts) <= 1
