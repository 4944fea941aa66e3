"""Diagnoses a batch; a measurement that makes that fail is found, and rejected alone."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TypeVar, cast

import numpy as np

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import ModelInfo, RejectionReason, Window, encode_window
from consumer.batch import Batch
from consumer.messages import NO_DEFECTS, KafkaMessage, window_counts
from consumer.results import Inference
from model.assessment import Assessment
from model.assessor import Assessor
from model.examined import Examined
from model.indicators import indicators

T = TypeVar("T")


class AssessmentError(RuntimeError):
    """Diagnosing fails, and the fault is not in the data; the message names what to do."""


def infer(
    batch: Batch,
    assessor: Assessor,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> Inference:
    """Assess the measurements of a batch, and compute their indicators.

    Args:
        batch: Has accepted measurements.
        assessor: Assesses them.
        clock: Monotonic seconds.
        wall_clock: Seconds since the epoch.
    """
    started, started_at = clock(), wall_clock()
    # Or wait for it, where that was begun ahead.
    examined = assessor.examine(batch.samples) if batch.examine is None else batch.examine()
    assessment = _assess(batch, assessor, examined)
    seconds = clock() - started
    model = ModelInfo(
        name=assessor.name,
        version=assessor.version,
        device=assessor.device,
        backend=assessor.backend,
    )
    measured = indicators(
        batch.samples,
        window_counts(batch.accepted),
        [None if one.defects.incomplete else one.attributes.unit for one in batch.accepted],
        examined.signal,
    )
    return Inference(assessment, measured, len(batch.samples), started_at, seconds, model)


def _assess(batch: Batch, assessor: Assessor, examined: Examined) -> Assessment:
    # None becomes NaN.
    rpm = np.array([one.attributes.shaft_speed for one in batch.accepted], np.float64)
    counts = window_counts(batch.accepted)
    sensors = [one.attributes.sensor for one in batch.accepted]
    assessment = assessor.assess(batch.samples, rpm, sensors, counts, examined)
    if any(one.defects is not NO_DEFECTS for one in batch.accepted):
        assessment.flag_defects(np.array([one.defects for one in batch.accepted]))
    return assessment


def without_failures(batch: Batch, diagnose: Callable[[Batch], T]) -> T | None:
    """Diagnose the measurements of a batch.

    Where that fails, the batch is halved until the measurements are found that make it fail. They
    are rejected with `assessment-failed`, and the others are diagnosed.

    Args:
        batch: Has accepted measurements.
        diagnose: Makes what is to be published of the accepted measurements of a batch.

    Returns:
        What it makes of the measurements that are left in the batch; None if none is.

    Raises:
        AssessmentError: A window that is known to be good fails too, or the measurements fail
            together and not apart.
    """
    try:
        return diagnose(batch)
    except Exception as error:
        _check_with_good_window(diagnose, error)
    failures = dict(_failing(batch, 0, len(batch.accepted), diagnose))
    for index in sorted(failures, reverse=True):
        batch.reject(index, RejectionReason.ASSESSMENT_FAILED, failures[index])
    if not batch.accepted:
        return None
    try:
        return diagnose(batch)
    except Exception as error:
        raise AssessmentError(
            f"a batch cannot be assessed, though each of its measurements can ({error}): lower "
            "--batch-size"
        ) from error


def _failing(
    batch: Batch, first: int, end: int, diagnose: Callable[[Batch], object]
) -> Iterator[tuple[int, str]]:
    """Yield the index, and the error, of each measurement from `first` to `end` that fails."""
    try:
        diagnose(batch.part(first, end))
    except Exception as error:
        if end - first == 1:
            yield first, f"{type(error).__name__}: {error}"
            return
    else:
        return
    middle = (first + end) // 2
    yield from _failing(batch, first, middle, diagnose)
    yield from _failing(batch, middle, end, diagnose)


def _check_with_good_window(diagnose: Callable[[Batch], object], error: Exception) -> None:
    """Raise unless a good window can be diagnosed: then the data is at fault."""
    try:
        diagnose(_good_batch())
    except Exception as again:
        raise AssessmentError(
            f"the network cannot assess any window ({type(again).__name__}: {again}): check the "
            "device, or choose --device cpu"
        ) from error


def _good_batch() -> Batch:
    """Return a batch of one window that is known to be good."""
    time = np.arange(WINDOW_LENGTH, dtype=np.float32)
    samples = np.sin(time * 0.7) + np.sin(time * 0.031)
    good = encode_window(Window("/good", "good", "good", datetime.fromtimestamp(0, UTC), samples))
    polled = SimpleNamespace(
        topic=lambda: "good",
        partition=lambda: 0,
        offset=lambda: 0,
        key=lambda: good.key,
        value=lambda: good.value,
        headers=lambda: good.headers,
        timestamp=lambda: (0, 0),
    )
    batch = Batch(1, 0.0)
    batch.add(cast("KafkaMessage", polled), 0.0)
    return batch
