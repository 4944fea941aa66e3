"""What is answered: the published fields to the letter, and what has been added beside them."""

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

LEAST_PART: Final = 32
"""Windows that are worth a thread: a forward pass of fewer takes longer for each of them."""


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
    Reasons: list[QualityFlag]
    Novelty: float
    Evidence: NotRequired[PhysicsFinding | None]


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


class Analyst:
    """Assesses the records of several requests together, on as many cores as it may.

    This is the one place where a record's answer is made. Clients rely on the fields that were
    published: only ever add to them.
    """

    def __init__(self, assessor: Assessor, uncertain_as_unknown: bool, threads: int) -> None:
        """Set up, without starting threads; `uncertain_as_unknown` as in `findings`."""
        self._assessor = assessor
        self._uncertain_as_unknown = uncertain_as_unknown
        self._most_parts = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="assessing")

    def analyse(self, requests: list[Records]) -> list[list[RecordAnswer]]:
        """Return the answers to each request, of which there is at least one."""
        sizes = [len(records) for records in requests]
        windows = [records.windows for records in requests]
        joined = windows[0] if len(windows) == 1 else np.concatenate(windows)
        rpm = np.repeat([records.rpm for records in requests], sizes)
        sensors = [records.sensor for records in requests for _ in range(len(records))]
        # As many parts as threads: smaller ones cost a quarter more in all.
        count = max(1, min(self._most_parts, len(joined) // LEAST_PART))
        edges = [len(joined) * part // count for part in range(count + 1)]
        parts = [slice(begin, end) for begin, end in pairwise(edges)]
        assessed = self._threads.map(
            self._answers,
            [joined[part] for part in parts],
            [rpm[part] for part in parts],
            [sensors[part] for part in parts],
        )
        answers = list(chain.from_iterable(assessed))
        ends = accumulate(sizes, initial=0)
        return [answers[start:end] for start, end in pairwise(ends)]

    def _answers(
        self, windows: NDArray[np.float32], rpm: NDArray[np.float64], sensors: list[str]
    ) -> list[RecordAnswer]:
        assessment = self._assessor.assess(windows, rpm, sensors)
        physics = assessment.evidence is not None
        found = findings(assessment, self._uncertain_as_unknown)
        return [_answer(finding, physics) for finding in found]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


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
