"""The responses: exactly the published fields, and the fields added to them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, Final, Literal, NotRequired

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from bearing_stream.commands.serve.bodies import Records
from bearing_stream.vocabulary import FaultLabel, QualityFlag
from model.assessor import Assessor
from model.findings import Finding, PhysicsFinding, findings
from model.indicators import IndicatorFields, indicators

MIN_PART: Final = 32
"""Minimum number of windows for a thread: a forward pass of fewer takes longer per window."""


@dataclass(frozen=True, slots=True, eq=False)
class RequestedRecords:
    """The records of a request.

    Args:
        records: Their windows at 12 kHz, finite.
        sensor: Id of the sensor, `""` if the request does not name it.
        rpm: Shaft speed, NaN if the request does not state it.
        unit: Of the samples, None if the request does not state it.
    """

    records: Records
    sensor: str
    rpm: float
    unit: str | None = None

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.records.windows)


class RecordDiagnosis(TypedDict):
    """The diagnosis of a record. `Prediction` and `Probabilities` are the published fields."""

    Prediction: FaultLabel | Literal["Unknown"]
    Probabilities: dict[FaultLabel, float]
    Quality: Literal["good", "uncertain"]
    Reasons: list[QualityFlag]
    Novelty: float
    Windows: int
    Indicators: IndicatorFields
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


class AliveResponse(TypedDict):
    """The body of `/livez`."""

    status: Literal["alive"]


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

    def analyse(self, requests: list[RequestedRecords]) -> list[list[RecordDiagnosis]]:
        """Return the diagnoses of each request; there must be at least one request."""
        joined = Records(
            *map(_joined, zip(*(request.records for request in requests), strict=True))
        )
        sizes = [len(request.records.counts) for request in requests]
        rpm = np.repeat([request.rpm for request in requests], sizes)
        sensors = [request.sensor for request in requests for _ in request.records.counts]
        units = [request.unit for request in requests for _ in request.records.counts]
        ends = np.cumsum(joined.counts)
        windows = len(joined.windows)
        # As many parts as threads: smaller parts take a quarter more time in total.
        count = max(1, min(self._max_parts, windows // MIN_PART))
        begins = ends - joined.counts
        edges = [int(np.searchsorted(begins, windows * part // count)) for part in range(count)]
        parts = [slice(*each) for each in pairwise([*edges, len(ends)])]
        assessed = self._threads.map(
            self._diagnose,
            [_part(joined, part, begins, ends) for part in parts],
            [rpm[part] for part in parts],
            [sensors[part] for part in parts],
            [units[part] for part in parts],
        )
        diagnoses = list(chain.from_iterable(assessed))
        return [diagnoses[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]

    def _diagnose(
        self,
        records: Records,
        rpm: NDArray[np.float64],
        sensors: list[str],
        units: list[str | None],
    ) -> list[RecordDiagnosis]:
        windows, counts, defects = records
        assessment = self._assessor.assess(windows, rpm, sensors, counts)
        assessment.flag_defects(defects)
        incomplete = defects[:, 0].tolist()
        known = [None if some else unit for unit, some in zip(units, incomplete, strict=True)]
        measured = indicators(windows, counts, known).fields(assessment.evidence)
        found = findings(assessment, self._uncertain_as_unknown)
        physics = assessment.evidence is not None
        return [
            _diagnosis(finding, count, fields, physics)
            for finding, count, fields in zip(found, counts.tolist(), measured, strict=True)
        ]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _joined(arrays: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _part(
    records: Records, part: slice, begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> Records:
    """Return some of the records, with their windows."""
    own = slice(begins[part][0], ends[part][-1]) if len(begins[part]) else slice(0)
    return Records(records.windows[own], records.counts[part], records.defects[part])


def _diagnosis(
    finding: Finding, windows: int, measured: IndicatorFields, physics: bool
) -> RecordDiagnosis:
    diagnosis: RecordDiagnosis = {
        "Prediction": finding["prediction"],
        "Probabilities": finding["probabilities"],
        "Quality": finding["quality"],
        "Reasons": finding["reasons"],
        "Novelty": finding["novelty"],
        "Windows": windows,
        "Indicators": measured,
    }
    if physics:
        diagnosis["Evidence"] = finding["evidence"]
    return diagnosis
