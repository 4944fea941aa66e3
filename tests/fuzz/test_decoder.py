"""A small run of `python -m tools.bench.fuzz decode`: the right samples or a rejection."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.wire.dead_letter import DECODER_REASONS
from tools.bench.fuzz_decoder import fuzz_decoder


def test_five_thousand_messages() -> None:
    counts = fuzz_decoder(5_000, seed=1)
    assert set(counts.rejected) == DECODER_REASONS
    assert counts.good > 1_750
    assert counts.ambiguous_read > 125
    assert counts.good + counts.ambiguous_read + sum(counts.rejected.values()) == 5_000
    # 400,000 numbers as JSON take 16 MB while they are read.
    assert counts.rss_end - counts.rss_warm < 32 * 2**20


@settings(deadline=None, max_examples=20)
@given(st.integers(min_value=0))
def test_any_seed(seed: int) -> None:
    counts = fuzz_decoder(20, seed)
    assert counts.good + counts.ambiguous_read + sum(counts.rejected.values()) == 20
