"""Consumers stopped, killed, joined and left in the middle: nothing lost, nothing twice."""

import signal

import pytest

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
"""A transaction stays open for so long that one is open whenever something happens."""


def test_signals_to_stop_finish_what_is_in_flight(topics: Topics) -> None:
    with Load(topics) as load:
        for number in (signal.SIGTERM, signal.SIGINT):
            with ConsumerProcess(topics, LONG) as consumer:
                wait_for_progress(topics, 1_500)
                consumer.stop(number)
            assert consumer.events("stopping")[0]["signal"] == number.name
            # Nothing was aborted, and what was done is committed: the next need not repeat it.
            [stopped] = consumer.events("stopped")
            assert stopped["aborts"] == 0
            assert stopped["diagnosed"] >= 1_500
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


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_one_joins_and_leaves(topics: Topics, protocol: str) -> None:
    arguments = (f"--group-protocol={protocol}", LONG)
    with Load(topics) as load, ConsumerProcess(topics, *arguments) as stays:
        wait_for_progress(topics, 500)
        with ConsumerProcess(topics, *arguments, "--report-interval=0.2") as comes_and_goes:
            eventually(
                lambda: any(line["diagnosed"] for line in comes_and_goes.events("progress")),
                "the second consumer to get partitions and to diagnose",
            )
            comes_and_goes.stop()
        assert comes_and_goes.events("stopped")[0]["diagnosed"] > 0
        wait_for_progress(topics, 500)
        load.stop()
        wait_until_finished(topics)
        stays.stop()
    assert_each_once_in_order(topics, load.sent)
