"""Each fault that leaves the broker alone, once or twice; `make chaos` injects them many times."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.trials import MARKS, assert_kept, trial
from tools.chaos.results import Outcome

pytestmark = MARKS

CONCURRENT: Final[dict[str, tuple[int, Guarantee]]] = {
    "retention-overtakes": (1, "exactly-once"),
    "consumer-killed": (2, "exactly-once"),
    "consumer-frozen": (1, "exactly-once"),
    "consumer-frozen-new-protocol": (1, "exactly-once"),
    "topic-recreated": (2, "exactly-once"),
    "bombs": (1, "exactly-once"),
    "partitions-added": (1, "exactly-once"),
    "diagnoses-vanish": (1, "exactly-once"),
    "join-and-leave": (2, "at-least-once"),
    "join-and-leave-new-protocol": (2, "exactly-once"),
    "join-and-leave-static": (2, "exactly-once"),
    "consumer-killed-named": (2, "exactly-once"),
    "alarms-killed": (2, "exactly-once"),
    "transaction-aborted": (1, "exactly-once"),
    "clock-jumps": (1, "exactly-once"),
}
"""Fault → how often, and with which guarantee. The one that takes longest comes first."""

TRIALS_AT_ONCE: Final = 4


@pytest.fixture(scope="module")
def outcomes(kafka: LocalKafka, folder: Path) -> dict[str, Outcome]:
    """The outcome of each fault. They run concurrently, since each has topics of its own."""

    def tried(name: str) -> Outcome:
        return trial(folder, kafka, name, *CONCURRENT[name])

    with ThreadPoolExecutor(TRIALS_AT_ONCE) as pool:
        return dict(zip(CONCURRENT, pool.map(tried, CONCURRENT), strict=True))


@pytest.mark.parametrize("name", CONCURRENT)
def test_nothing_is_lost_or_duplicated(outcomes: dict[str, Outcome], name: str) -> None:
    times, _ = CONCURRENT[name]
    assert_kept(outcomes[name], times)


@pytest.mark.parametrize("name", ["consumer-killed", "consumer-killed-named"])
def test_it_was_killed_in_a_transaction_too(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].notes == {"in a transaction": 1}


def test_alarms_were_killed_in_a_transaction_too(outcomes: dict[str, Outcome]) -> None:
    notes = outcomes["alarms-killed"].notes
    assert notes["in a transaction"] == 1
    assert notes["events"] > 0


@pytest.mark.parametrize("name", ["consumer-frozen", "consumer-frozen-new-protocol"])
def test_the_zombie_gave_up_its_transaction(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].notes == {"in a transaction": 1, "aborted by the zombie": 1}


def test_windows_that_retention_deleted_were_reported(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["retention-overtakes"].notes["deleted windows logged"] > 0
