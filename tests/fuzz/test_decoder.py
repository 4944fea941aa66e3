"""A slice of `python -m tools.bench.fuzz decode`: the right samples or a rejection."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.wire import RejectionReason
from tools.bench.fuzz_decoder import fuzz_decoder


def test_twenty_thousand_messages() -> None:
    outcome = fuzz_decoder(20_000, seed=1)
    assert set(outcome.rejected) == set(RejectionReason)
    assert outcome.good > 7_000
    assert outcome.doubtful_read > 500
    assert outcome.good + outcome.doubtful_read + sum(outcome.rejected.values()) == 20_000
    assert outcome.rss_end - outcome.rss_warm < 20 * 2**20


@settings(deadline=None, max_examples=20)
@given(st.integers(min_value=0))
def test_any_seed(seed: int) -> None:
    fuzz_decoder(20, seed)
