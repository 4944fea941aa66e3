"""The counts of predictions are those of the findings."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.vocabulary import QUALITY_FLAGS
from model.assessment import Assessment
from model.findings import finding_columns, prediction_counts


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.booleans())
def test_the_counts_are_those_of_the_findings(seed: int, count: int, unknown: bool) -> None:
    rng = np.random.default_rng(seed)
    assessment = Assessment(
        rng.dirichlet(np.ones(4), count).astype(np.float32),
        np.zeros(count, np.float32),
        rng.random((count, len(QUALITY_FLAGS))) < 0.2,
    )
    made = Counter(finding_columns(assessment, unknown).prediction)
    assert +prediction_counts(assessment, unknown) == made
