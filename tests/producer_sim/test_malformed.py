from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from bearing_stream.wire import Rejection, Window, decode_window
from bearing_stream.wire.dead_letter import DECODER_REASONS
from producer_sim.malformed import KINDS, MalformedMix, malformed_message

WINDOW = Window(
    source="/cwru/105/DE",
    id="105/DE/000017",
    sensor="105/DE",
    time=datetime(2026, 1, 31, tzinfo=UTC),
    samples=np.random.default_rng(0).standard_normal(2048),
    shaft_speed=1797.0,
    fault_label="InnerRace",
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_rejected_for_its_reason(kind: str) -> None:
    message = malformed_message(WINDOW, kind, 3)
    assert message.key == f"malformed/{kind}/000003".encode()
    with pytest.raises(Rejection) as rejection:
        decode_window(message.headers, message.value, np.empty(2048, np.float32))
    assert rejection.value.reason is KINDS[kind].reason


def test_the_first_kinds_have_every_reason() -> None:
    first = list(KINDS.values())[: len(DECODER_REASONS)]
    assert {kind.reason for kind in first} == DECODER_REASONS


def drawn(rate: float, seed: int, windows: int) -> list[tuple[int, str, bytes | None]]:
    mix = MalformedMix(rate, seed)
    draws = ((i, mix.draw(WINDOW)) for i in range(windows))
    return [(i, bad[0], bad[1].key) for i, bad in draws if bad is not None]


def test_a_mix_repeats_with_its_seed_and_only_with_it() -> None:
    assert drawn(0.3, 7, 200) == drawn(0.3, 7, 200) != drawn(0.3, 8, 200)


def test_a_mix_has_every_kind_at_the_rate_with_unique_keys() -> None:
    bad = drawn(0.1, 1, 3000)
    assert 240 < len(bad) < 360
    assert len({key for _, _, key in bad}) == len(bad)
    kinds = Counter(kind for _, kind, _ in bad)
    assert kinds.keys() == KINDS.keys()
    assert max(kinds.values()) - min(kinds.values()) <= 1


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0), (1.0, 50)])
def test_rates_of_0_and_1_are_exact(rate: float, expected: int) -> None:
    assert len(drawn(rate, 1, 50)) == expected
