"""What is answered: the published fields to the letter, and what has been added beside them."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal, NotRequired

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from assessment.assessor import Assessor
from assessment.findings import Evidence, Finding, findings
from vocabulary import Doubt, FaultLabel


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What a request asks about.

    Args:
        windows: (n, 2048), n ≥ 0, at 12 kHz, finite.
        sensor: Id of the sensor, `""` where it is not told.
        rpm: Shaft speed, NaN where it is not told.
    """

    windows: NDArray[np.float32]
    sensor: str
    rpm: float

    def __len__(self) -> int:
        return len(self.windows)


class RecordAnswer(TypedDict):
    """Of one record. `Prediction` and `Probabilities` are as they were published."""

    Prediction: FaultLabel | Literal["Unknown"]
    Probabilities: dict[FaultLabel, float]
    Quality: Literal["good", "uncertain"]
    Reasons: list[Doubt]
    Novelty: float
    Evidence: NotRequired[Evidence | None]


# Not a class: a name with a space in it can be declared in no other way.
Answer = TypedDict("Answer", {"Analysis": list[RecordAnswer], "Execution Time": float})
"""Of a request: an answer a record, in order, and the milliseconds from the reading of the records
to this answer, waiting for the network included."""


class ErrorDetail(TypedDict):
    """One thing that is wrong with a request, as FastAPI words it."""

    type: str
    """What kind of mistake, for programs."""
    loc: list[int | str]
    """Where: `["body", index of the record, "record", index of the sample]`, as far as known."""
    msg: str
    """What was expected, for people."""


class InvalidAnswer(TypedDict):
    """Why a request was not diagnosed."""

    detail: list[ErrorDetail]


class Refusal(TypedDict):
    """Why a request was not taken."""

    detail: str


class Health(TypedDict):
    """Of the service."""

    status: Literal["ok", "not working"]
    waiting: int
    """Requests that wait for the network."""
    model: dict[str, str]


def analyse(
    assessor: Assessor, uncertain_as_unknown: bool, requests: list[Records]
) -> list[list[RecordAnswer]]:
    """Assess the records of several requests together, and return the answers to each.

    This is the one place where a record's answer is made. Clients rely on the fields that were
    published: only ever add to them.
    """
    sizes = [len(records) for records in requests]
    parts = [records.windows for records in requests]
    assessment = assessor.assess(
        parts[0] if len(parts) == 1 else np.concatenate(parts),
        np.repeat([records.rpm for records in requests], sizes),
        [records.sensor for records in requests for _ in range(len(records))],
    )
    physics = assessment.evidence is not None
    answers = [_answer(finding, physics) for finding in findings(assessment, uncertain_as_unknown)]
    ends = accumulate(sizes, initial=0)
    return [answers[start:end] for start, end in pairwise(ends)]


def _answer(finding: Finding, physics: bool) -> RecordAnswer:
    answer: RecordAnswer = {
        "Prediction": finding["prediction"],
        "Probabilities": finding["probabilities"],
        "Quality": finding["quality"],
        "Reasons": finding["reasons"],
        "Novelty": finding["novelty"],
    }
    if physics:
        answer["Evidence"] = finding["evidence"]
    return answer
