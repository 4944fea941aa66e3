"""Who decides, and that what comes of it are probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from model.physics.baseline import Evidence
from model.physics.rule import Rule, decide

pytestmark = pytest.mark.numeric

NEAR, FAR = 1.0, 9.0
"""Distances of the shape of a spectrum from the healthy windows'; the gate stands at 3."""


def evidence(outer: float, inner: float, ball: float, distance: float) -> Evidence:
    return Evidence(np.array([[outer, inner, ball]]), np.array([distance]), np.array([1772.0]))


def opinion(label: FaultLabel) -> NDArray[np.float32]:
    return np.array([[0.85 if label == other else 0.05 for other in FAULT_LABELS]], np.float32)


@pytest.mark.parametrize(
    ("found", "network", "verdict", "by_physics"),
    [
        (evidence(0, 0, 0, NEAR), "OuterRace", "Normal", True),
        (evidence(9, 0, 0, FAR), "InnerRace", "OuterRace", True),
        (evidence(0, 9, 0, FAR), "OuterRace", "InnerRace", True),
        (evidence(9, 20, 0, FAR), "OuterRace", "InnerRace", True),
        # A ball writes no line that could be relied on.
        (evidence(0, 0, 9, FAR), "InnerRace", "InnerRace", False),
        (evidence(0, 0, 0, FAR), "Ball", "Ball", False),
    ],
)
def test_physics_decides_where_it_speaks(
    found: Evidence, network: FaultLabel, verdict: FaultLabel, by_physics: bool
) -> None:
    decided = decide(found, opinion(network), Rule())
    assert FAULT_LABELS[decided.probabilities[0].argmax()] == verdict
    assert decided.physics.tolist() == [by_physics]


def test_what_is_far_from_healthy_is_never_normal() -> None:
    decided = decide(evidence(0, 0, 0, FAR), opinion("Normal"), Rule())
    assert decided.probabilities[0][FAULT_LABELS.index("Normal")] < 0.02


SIGMAS = npst.arrays(np.float64, (5, 3), elements=st.floats(-1e3, 1e3))
DISTANCES = npst.arrays(np.float64, 5, elements=st.floats(0, 1e6))


@given(SIGMAS, DISTANCES, npst.arrays(np.float32, (5, 4), elements=st.floats(-100, 100, width=32)))
def test_probabilities_sum_to_one_whatever_the_evidence(
    sigmas: NDArray[np.float64], distances: NDArray[np.float64], logits: NDArray[np.float32]
) -> None:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    network = exponentials / exponentials.sum(axis=1, keepdims=True)
    found = decide(Evidence(sigmas, distances, np.full(5, 1772.0)), network, Rule())
    assert (found.probabilities >= 0).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-6)
