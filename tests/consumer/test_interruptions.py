"""Consumers that stop, are killed, join and leave under load: nothing is lost or duplicated."""

import signal

import pytest

from consumer.events import REPORT, STOPPED, STOPPING
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Load,
    Topics,
    assert_each_once_in_order,
    eventually,
    read_diagnoses,
    wait_for_progress,
    wait_until_finished,
)

pytestmark = pytest.mark.integration

LONG = "--commit-interval=2"
"""Long enough for a transaction to be open at every interruption."""


def test_signals_to_stop_finish_what_is_in_flight(topics: Topics) -> None:
    with Load(topics) as load:
        for number in (signal.SIGTERM, signal.SIGINT):
            with ConsumerProcess(topics, LONG) as consumer:
                wait_for_progress(topics, 1_500)
                consumer.stop(number)
            assert consumer.events(STOPPING)[0]["signal"] == number.name
            # Nothing was aborted, and all diagnoses are committed: the next need not repeat any.
            [stopped] = consumer.events(STOPPED)
            assert stopped["aborts"] == 0
            # The markers of transactions take offsets too.
            assert stopped["diagnosed"] >= 1_000
        with ConsumerProcess(topics) as consumer:
            wait_for_progress(topics, 500)
            load.stop()
            wait_until_finished(topics)
            consumer.stop()
    assert_each_once_in_order(topics, load.sent)


def test_killed_in_the_middle_of_transactions(topics: Topics) -> None:
    with Load(topics) as load:
        for _ in range(2):
            with ConsumerProcess(topics, LONG, "--instance-id=press-7") as consumer:
                wait_for_progress(topics, 700)
                consumer.send(signal.SIGKILL)
                assert consumer.wait() == -signal.SIGKILL
    assert len(read_diagnoses(topics)) < load.sent
    with ConsumerProcess(topics, "--instance-id=press-7") as consumer:
        wait_until_finished(topics)
        consumer.stop()
    assert_each_once_in_order(topics, load.sent)


def sent_while_one_joins_and_leaves(topics: Topics, *arguments: str) -> int:
    """Let a second consumer join, diagnose and stop under load; return how much was sent."""
    with Load(topics) as load, ConsumerProcess(topics, *arguments) as permanent:
        wait_for_progress(topics, 500)
        with ConsumerProcess(topics, *arguments, "--report-interval=0.2") as visitor:
            eventually(
                lambda: any(line["diagnosed"] for line in visitor.events(REPORT)),
                "the second consumer to get partitions and to diagnose",
            )
            visitor.stop()
        assert visitor.events(STOPPED)[0]["diagnosed"] > 0
        wait_for_progress(topics, 500)
        load.stop()
        wait_until_finished(topics)
        permanent.stop()
    return load.sent


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_one_joins_and_leaves(topics: Topics, protocol: str) -> None:
    sent = sent_while_one_joins_and_leaves(topics, f"--group-protocol={protocol}", LONG)
    assert_each_once_in_order(topics, sent)


def test_partitions_that_move_to_another_are_read_at_once(topics: Topics) -> None:
    """Members that learned of it a third of the session timeout later would leave them waiting."""
    sent_while_one_joins_and_leaves(topics, "--session-timeout=60")
    assert max(diagnosis.latency_ms.total for _, diagnosis in read_diagnoses(topics)) < 10_000
