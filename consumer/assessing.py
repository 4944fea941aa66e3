"""Assesses a batch; a measurement that makes the assessment fail is found, and rejected alone."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import RejectionReason
from consumer.batch import Accepted, Batch, window_counts
from model.assessment import Assessment
from model.assessor import Assessor


class AssessmentError(RuntimeError):
    """The assessment fails, and the fault is not in the data; the message names what to do."""


def assess(batch: Batch, assessor: Assessor) -> Assessment | None:
    """Assess the measurements of a batch.

    Where that fails, the batch is halved until the measurements are found that make it fail. They
    are rejected with `assessment-failed`, and the others are assessed.

    Returns:
        Of the measurements that are left in the batch; None if none is.

    Raises:
        AssessmentError: A window that is known to be good fails too, or the measurements fail
            together and not apart.
    """
    try:
        return _assess(batch.samples, batch.accepted, assessor)
    except Exception as error:
        _check_assessor(assessor, error)
    failures = dict(_failing(batch.samples, batch.accepted, 0, assessor))
    for index in sorted(failures, reverse=True):
        batch.reject(index, RejectionReason.ASSESSMENT_FAILED, failures[index])
    if not batch.accepted:
        return None
    try:
        return _assess(batch.samples, batch.accepted, assessor)
    except Exception as error:
        raise AssessmentError(
            f"a batch cannot be assessed, though each of its measurements can ({error}): lower "
            "--batch-size"
        ) from error


def _assess(
    samples: NDArray[np.float32], measurements: Sequence[Accepted], assessor: Assessor
) -> Assessment:
    # None becomes NaN.
    rpm = np.array([one.attributes.shaft_speed for one in measurements], np.float64)
    counts = window_counts(measurements)
    sensors = [one.attributes.sensor for one in measurements]
    assessment = assessor.assess(samples, rpm, sensors, counts)
    assessment.flag_defects(np.array([one.defects for one in measurements]))
    return assessment


def _failing(
    samples: NDArray[np.float32], measurements: Sequence[Accepted], first: int, assessor: Assessor
) -> Iterator[tuple[int, str]]:
    """Yield the index in the batch, and the error, of each measurement that fails alone."""
    try:
        _assess(samples, measurements, assessor)
    except Exception as error:
        if len(measurements) == 1:
            yield first, f"{type(error).__name__}: {error}"
            return
    else:
        return
    middle = len(measurements) // 2
    row = sum(one.windows for one in measurements[:middle])
    yield from _failing(samples[:row], measurements[:middle], first, assessor)
    yield from _failing(samples[row:], measurements[middle:], first + middle, assessor)


def _check_assessor(assessor: Assessor, error: Exception) -> None:
    """Raise unless the assessor works with a good window: then the data is at fault."""
    time = np.arange(WINDOW_LENGTH, dtype=np.float32)
    good = np.sin(time * 0.7)[None] + np.sin(time * 0.031)[None]
    try:
        assessor.assess(good.astype(np.float32), np.full(1, np.nan), [""])
    except Exception as again:
        raise AssessmentError(
            f"the network cannot assess any window ({type(again).__name__}: {again}): check the "
            "device, or choose --device cpu"
        ) from error
