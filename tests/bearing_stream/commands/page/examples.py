"""Diagnoses for the tests of `page`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bearing_stream.commands.page.fleet import Fleet, Limits
from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire import Diagnosis

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
"""Seconds since the epoch."""

MODEL = {"name": "m", "version": "1", "device": "cpu"}


def evidence(
    outer: float = 0.5, decided_by: str = "physics", change: float | None = 1.0
) -> dict[str, Any]:
    return {
        "outer_sigma": outer,
        "inner_sigma": 0.3,
        "ball_sigma": 0.2,
        "change_sigma": change,
        "shaft_speed": 1797.0,
        "decided_by": decided_by,
    }


def indicators(rms: float = 1.0) -> dict[str, Any]:
    return {"rms": rms, "peak": 3 * rms, "crest_factor": 3.0, "kurtosis": 3.0}


def diagnosis(
    sensor: str = "pump-7",
    prediction: str = "Normal",
    at: float = 0.0,
    reasons: Sequence[str] = (),
    source: str = "/plant-2/line-1/pump-7",
    **more: Any,
) -> Diagnosis:
    """Return a diagnosis of a measurement made `at` seconds after noon."""
    fields = {
        "window_id": f"{sensor}-{at}",
        "source": source,
        "sensor": sensor,
        "measured_at": datetime.fromtimestamp(NOON + at, UTC),
        "prediction": prediction,
        "probability": 0.97,
        "probabilities": {label: 0.97 if label == prediction else 0.01 for label in FAULT_LABELS},
        "quality": "uncertain" if reasons else "good",
        "reasons": list(reasons),
        "novelty": 0.5,
        "latency_ms": {"queued": 1, "inference": 1, "total": 5},
        "batch_size": 1,
        "model": MODEL,
        "input": {"topic": "bearing.windows", "partition": 0, "offset": 0},
    }
    return Diagnosis.model_validate(fields | more)


def small_fleet(max_sensors: int = 100, history: int = 32) -> Fleet:
    """Return a fleet whose sensors are silent after five intervals, and 10 s."""
    return Fleet(Limits(max_sensors, history, silent_after=5.0, silent_minimum=10.0))


def add(fleet: Fleet, *diagnoses: Diagnosis) -> None:
    """Add diagnoses that are read when they are measured."""
    for each in diagnoses:
        fleet.add(each, each.measured_at.timestamp())
