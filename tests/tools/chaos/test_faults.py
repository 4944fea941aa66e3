"""Each fault of the suite once, on a real Kafka; `make chaos` has them many times.

What is asserted must hold on any machine: nothing lost, nothing twice, all in order, and the fault
was what it is called. How long it took is for `make chaos` to tell.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.forked import forked_members
from tools.chaos.clusters import Site, cluster
from tools.chaos.errors import ChaosError
from tools.chaos.feed import Pace
from tools.chaos.results import Outcome
from tools.chaos.suite import FAULTS, Suite
from tools.chaos.trial import Trial

# Much longer than it takes, for machines that do other things too: a broker is waited for.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BY_NAME: Final = {fault.name: fault for fault in FAULTS}

PACE: Final = Pace(rate=200.0, sensors=16, apart=100)

SIDE_BY_SIDE: Final[dict[str, tuple[int, Guarantee]]] = {
    "retention-overtakes": (1, "exactly-once"),
    "consumer-killed": (2, "exactly-once"),
    "consumer-frozen": (1, "exactly-once"),
    "consumer-frozen-new-protocol": (1, "exactly-once"),
    "diagnoses-vanish": (1, "exactly-once"),
    "join-and-leave": (2, "at-least-once"),
    "join-and-leave-new-protocol": (2, "exactly-once"),
    "join-and-leave-static": (2, "exactly-once"),
    "consumer-killed-named": (2, "exactly-once"),
    "transaction-aborted": (1, "exactly-once"),
    "clock-jumps": (1, "exactly-once"),
}
"""Faults that leave the broker alone, longest first → how often, and with which guarantee."""

AT_ONCE: Final = 4


@pytest.fixture(scope="module", autouse=True)
def _forked() -> Iterator[None]:
    with forked_members():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    """A broker of these tests' own, since they break it."""
    with cluster(Site.ONE) as made:
        yield made


@pytest.fixture(scope="module")
def three() -> Iterator[LocalKafka]:
    with cluster(Site.THREE) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes(kafka: LocalKafka, folder: Path) -> dict[str, Outcome]:
    """What came of the faults that can be injected side by side: each has topics of its own."""

    def tried(name: str) -> Outcome:
        return trial(folder, kafka, name, *SIDE_BY_SIDE[name])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(SIDE_BY_SIDE, pool.map(tried, SIDE_BY_SIDE), strict=True))


def trial(
    folder: Path,
    kafka: LocalKafka,
    name: str,
    times: int = 1,
    guarantee: Guarantee = "exactly-once",
) -> Outcome:
    """Inject a fault so often."""
    fault = replace(BY_NAME[name], times=times, windows=0)
    return Suite(1, folder, PACE).trial(kafka, fault, guarantee)


def kept(outcome: Outcome, times: int = 1) -> Outcome:
    """The same, if nothing came of that many faults."""
    assert outcome.failure == ""
    assert outcome.report is not None
    assert outcome.report.wrong == {}
    assert outcome.report.lost == 0
    assert outcome.report.windows >= times * PACE.apart
    assert len(outcome.recoveries) == times
    return outcome


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_nothing_comes_of_it(outcomes: dict[str, Outcome], name: str) -> None:
    times, _ = SIDE_BY_SIDE[name]
    kept(outcomes[name], times)


@pytest.mark.parametrize("name", ["consumer-killed", "consumer-killed-named"])
def test_it_was_killed_in_a_transaction_too(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].notes == {"in a transaction": 1}


@pytest.mark.parametrize("name", ["consumer-frozen", "consumer-frozen-new-protocol"])
def test_the_zombie_gave_up_its_transaction(outcomes: dict[str, Outcome], name: str) -> None:
    assert outcomes[name].notes == {"in a transaction": 1, "aborted by the zombie": 1}


def test_what_retention_deleted_was_told(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["retention-overtakes"].notes["deleted windows logged"] > 0


@pytest.mark.parametrize(
    "name", ["commit-unknown", "broker-restarted", "broker-killed", "broker-gone"]
)
def test_a_broker_that_goes_and_comes_back(kafka: LocalKafka, folder: Path, name: str) -> None:
    kept(trial(folder, kafka, name))


@pytest.mark.parametrize("name", ["leader-lost", "produce-fails"])
def test_a_leader_that_is_lost_or_stands_still(three: LocalKafka, folder: Path, name: str) -> None:
    kept(trial(folder, three, name))


def test_what_the_broker_said_is_kept_of_a_trial_that_fails(
    kafka: LocalKafka, folder: Path
) -> None:
    def fail(_trial: Trial) -> None:
        raise ChaosError("stuck")

    fault = replace(BY_NAME["clock-jumps"], name="fails", inject=fail, times=1)
    assert Suite(1, folder, PACE).trial(kafka, fault, "exactly-once").failure == "stuck"
    assert "started" in (folder / "fails-exactly-once" / "broker-1.log").read_text()


def test_a_disk_that_is_full(folder: Path) -> None:
    try:
        with cluster(Site.SMALL_DISK) as small:
            kept(trial(folder, small, "disk-full"))
    except ChaosError as impossible:
        pytest.skip(str(impossible))
