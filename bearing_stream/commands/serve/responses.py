"""The responses: exactly the published fields, and the fields added to them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Final, Literal, NotRequired

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from bearing_stream.vocabulary import FaultLabel, QualityFlag
from model.assessor import Assessor
from model.findings import Finding, PhysicsFinding, findings

MIN_PART: Final = 32
"""Minimum number of windows for a thread: a forward pass of fewer takes longer per window."""


@dataclass(frozen=True, slots=True, eq=False)
class RequestedWindows:
    """The windows of a request.

    Args:
        windows: (n, 2048), n ≥ 0, at 12 kHz, finite.
        sensor: Id of the sensor, `""` if the request does not name it.
        rpm: Shaft speed, NaN if the request does not state it.
    """

    windows: NDArray[np.float32]
    sensor: str
    rpm: float

    def __len__(self) -> int:
        return len(self.windows)


class RecordDiagnosis(TypedDict):
    """The diagnosis of a record. `Prediction` and `Probabilities` are the published fields."""

    Prediction: FaultLabel | Literal["Unknown"]
    Probabilities: dict[FaultLabel, float]
    Quality: Literal["good", "uncertain"]
    Reasons: list[QualityFlag]
    Novelty: float
    Evidence: NotRequired[PhysicsFinding | None]


# Not a class: a field name with a space cannot be declared in another way.
DiagnosisResponse = TypedDict(
    "DiagnosisResponse", {"Analysis": list[RecordDiagnosis], "Execution Time": float}
)
"""The response to a request: a diagnosis for each record, in order, and the milliseconds from the
decoding of the records to this response, including the wait for the network."""


class ErrorDetail(TypedDict):
    """One error of a request, in the format of FastAPI."""

    type: str
    """The kind of error, for programs."""
    loc: list[int | str]
    """The location: `["body", index of the record, "record", index of the sample]`, as far as it is
    known."""
    msg: str
    """What was expected, and what was received."""


class ValidationErrorResponse(TypedDict):
    """The errors of a request that cannot be diagnosed."""

    detail: list[ErrorDetail]


class ErrorResponse(TypedDict):
    """Why a request was refused."""

    detail: str


class HealthResponse(TypedDict):
    """The state of the service."""

    status: Literal["ok", "not working"]
    waiting: int
    """Requests that wait for the network."""
    model: dict[str, str]


class Analyst:
    """Assesses the windows of several requests together, in several threads.

    Only this class builds the diagnoses of the responses. Clients rely on their published fields:
    fields may only be added.
    """

    def __init__(self, assessor: Assessor, uncertain_as_unknown: bool, threads: int) -> None:
        """Create the pool of threads; `uncertain_as_unknown` as in `findings`."""
        self._assessor = assessor
        self._uncertain_as_unknown = uncertain_as_unknown
        self._max_parts = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="assessing")

    def analyse(self, requests: list[RequestedWindows]) -> list[list[RecordDiagnosis]]:
        """Return the diagnoses of each request; there must be at least one request."""
        sizes = [len(records) for records in requests]
        windows = [records.windows for records in requests]
        joined = windows[0] if len(windows) == 1 else np.concatenate(windows)
        rpm = np.repeat([records.rpm for records in requests], sizes)
        sensors = [records.sensor for records in requests for _ in range(len(records))]
        # As many parts as threads: smaller parts take a quarter more time in total.
        count = max(1, min(self._max_parts, len(joined) // MIN_PART))
        edges = [len(joined) * part // count for part in range(count + 1)]
        parts = [slice(begin, end) for begin, end in pairwise(edges)]
        assessed = self._threads.map(
            self._diagnose,
            [joined[part] for part in parts],
            [rpm[part] for part in parts],
            [sensors[part] for part in parts],
        )
        diagnoses = list(chain.from_iterable(assessed))
        ends = accumulate(sizes, initial=0)
        return [diagnoses[start:end] for start, end in pairwise(ends)]

    def _diagnose(
        self, windows: NDArray[np.float32], rpm: NDArray[np.float64], sensors: list[str]
    ) -> list[RecordDiagnosis]:
        assessment = self._assessor.assess(windows, rpm, sensors)
        physics = assessment.evidence is not None
        return [
            _diagnosis(finding, physics)
            for finding in findings(assessment, self._uncertain_as_unknown)
        ]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _diagnosis(finding: Finding, physics: bool) -> RecordDiagnosis:
    diagnosis: RecordDiagnosis = {
        "Prediction": finding["prediction"],
        "Probabilities": finding["probabilities"],
        "Quality": finding["quality"],
        "Reasons": finding["reasons"],
        "Novelty": finding["novelty"],
    }
    if physics:
        diagnosis["Evidence"] = finding["evidence"]
    return diagnosis
