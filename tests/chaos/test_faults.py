"""A few faults, once each, on a real Kafka; `make chaos` has all of them, many times."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chaos.clusters import Site, cluster
from chaos.results import Outcome
from chaos.suite import FAULTS, ONCE, Fault, Suite
from local_kafka import LocalKafka

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    """A broker of these tests' own, since they break it."""
    with cluster(Site.ONE) as made:
        yield made


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return Suite(seed=1, folder=tmp_path_factory.mktemp("chaos"))


def injected(suite: Suite, kafka: LocalKafka, name: str, times: int = 1) -> Outcome:
    """What came of a fault, injected so often, which must be nothing."""
    fault: Fault = replace(BY_NAME[name], times=times, windows=0)
    outcome = suite.trial(kafka, fault, ONCE[0])
    assert outcome.failure == ""
    assert outcome.report is not None
    assert outcome.report.wrong == {}
    assert outcome.report.windows > 0
    assert len(outcome.recoveries) == times
    return outcome


def test_a_consumer_killed_in_a_transaction(suite: Suite, kafka: LocalKafka) -> None:
    outcome = injected(suite, kafka, "consumer-killed-named", times=2)
    assert outcome.notes == {"in a transaction": 1}


@pytest.mark.parametrize("name", ["consumer-frozen", "consumer-frozen-new-protocol"])
def test_a_zombie_publishes_nothing(suite: Suite, kafka: LocalKafka, name: str) -> None:
    outcome = injected(suite, kafka, name)
    assert outcome.notes["in a transaction"] == 1
    assert outcome.notes["given up by the zombie"] == 1


def test_consumers_join_and_leave(suite: Suite, kafka: LocalKafka) -> None:
    injected(suite, kafka, "join-and-leave", times=2)


def test_a_transaction_that_kafka_aborts(suite: Suite, kafka: LocalKafka) -> None:
    assert injected(suite, kafka, "transaction-aborted").notes["in a transaction"] == 1


def test_a_commit_of_which_nobody_knows(suite: Suite, kafka: LocalKafka) -> None:
    injected(suite, kafka, "commit-unknown")


def test_what_retention_deletes_is_told(suite: Suite, kafka: LocalKafka) -> None:
    assert injected(suite, kafka, "retention-overtakes").notes["windows deleted and told"] > 0


def test_a_diagnoses_topic_that_vanishes(suite: Suite, kafka: LocalKafka) -> None:
    injected(suite, kafka, "diagnoses-vanish")


def test_a_broker_that_is_killed(suite: Suite, kafka: LocalKafka) -> None:
    injected(suite, kafka, "broker-killed")
