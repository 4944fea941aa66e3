from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from bearing_stream.wire import Rejection, RejectionReason, Window, decode_window
from producer_sim.malformed import KINDS, Drill, spoil

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
    message = spoil(WINDOW, kind, 3)
    assert message.key == f"malformed/{kind}/000003".encode()
    with pytest.raises(Rejection) as rejection:
        decode_window(message.headers, message.value, np.empty(2048, np.float32))
    assert rejection.value.reason is KINDS[kind].reason


def test_the_first_turns_have_every_reason() -> None:
    reasons = list(RejectionReason)
    assert {kind.reason for kind in list(KINDS.values())[: len(reasons)]} == set(reasons)


def run_drill(rate: float, seed: int, windows: int) -> list[tuple[int, str, bytes | None]]:
    drill = Drill(rate, seed)
    spoilt = ((i, drill.beside(WINDOW)) for i in range(windows))
    return [(i, bad[0], bad[1].key) for i, bad in spoilt if bad is not None]


def test_a_drill_repeats_with_its_seed_and_only_with_it() -> None:
    assert run_drill(0.3, 7, 200) == run_drill(0.3, 7, 200) != run_drill(0.3, 8, 200)


def test_a_drill_mixes_in_every_kind_at_the_rate_with_unique_keys() -> None:
    bad = run_drill(0.1, 1, 3000)
    assert 240 < len(bad) < 360
    assert len({key for _, _, key in bad}) == len(bad)
    turns = Counter(kind for _, kind, _ in bad)
    assert turns.keys() == KINDS.keys()
    assert max(turns.values()) - min(turns.values()) <= 1


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0), (1.0, 50)])
def test_rates_at_the_ends_leave_nothing_to_chance(rate: float, expected: int) -> None:
    assert len(run_drill(rate, 1, 50)) == expected
