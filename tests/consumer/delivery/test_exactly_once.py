"""What is retried, what is aborted, when a producer is renewed, and when it is all over."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Producer

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from consumer.batch import Origin
from consumer.delivery.base import Undelivered
from consumer.delivery.exactly_once import MOST_FENCINGS, REST, Transactions
from tests.consumer.fake_clients import FakeProducer, fake_journal
from tests.consumer.fakes import (
    DIAGNOSES,
    OFFSETS,
    Clock,
    Cluster,
    abortable,
    fenced,
    kafka_error,
    timed_out,
)

POSITIONS = {("bearing.windows", 0): 5}
ORIGIN = Origin(("bearing.windows", 0), 4)
MESSAGE = Message(
    b"pump", b'{"input": {"topic": "bearing.windows", "partition": 0, "offset": 4}}', []
)


class Harness:
    """Transactions over producers in memory."""

    def __init__(self, group_metadata: Callable[[], Any] = lambda: 1) -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.producers: list[FakeProducer] = []
        self.delivery = Transactions(
            self._new_producer,
            group_metadata,
            fake_journal(self.cluster, self.clock, lambda _: dict(self.cluster.committed)),
            self.clock,
            self.clock.sleep,
        )
        self.delivery.start(5.0)

    def _new_producer(self) -> Producer:
        self.producers.append(FakeProducer(self.cluster, self.clock))
        return cast("Producer", self.producers[-1])

    def deliver(self) -> None:
        self.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
        self.delivery.commit(POSITIONS, 5.0)


def test_output_and_offsets_appear_together() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    harness.delivery.commit(POSITIONS, 5.0)
    assert len(harness.cluster.output) == 2
    assert harness.cluster.committed == POSITIONS


def test_a_transaction_is_open_from_its_first_message_to_its_commit() -> None:
    harness = Harness()
    assert harness.delivery.opened_at is None
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    assert harness.delivery.opened_at == harness.clock.now
    harness.delivery.commit(POSITIONS, 5.0)
    assert harness.delivery.opened_at is None


def test_rests_between_two_transactions_and_not_inside_one() -> None:
    harness = Harness()
    harness.deliver()
    before = harness.clock.now
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    assert harness.clock.now - before == pytest.approx(REST)


def test_a_full_queue_is_waited_for() -> None:
    harness = Harness()
    for _ in range(3):
        harness.cluster.happens_in("produce", BufferError())
    harness.deliver()
    assert len(harness.cluster.output) == 1


@pytest.mark.parametrize("call", ["send_offsets_to_transaction", "commit_transaction"])
def test_what_can_be_retried_is_retried_until_the_timeout(call: str) -> None:
    harness = Harness()
    harness.cluster.happens_in(
        call, kafka_error(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True)
    )
    harness.deliver()
    assert harness.cluster.committed == POSITIONS


@pytest.mark.parametrize(
    "call", ["produce", "flush", "send_offsets_to_transaction", "commit_transaction"]
)
@pytest.mark.parametrize("failure", [abortable, fenced])
def test_after_a_failure_nothing_is_there_and_the_next_delivery_works(
    call: str, failure: Callable[[], Exception]
) -> None:
    harness = Harness()
    harness.cluster.happens_in(call, failure())
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.delivery.recover(5.0)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    harness.deliver()
    assert len(harness.cluster.output) == 1


def test_a_producer_that_failed_is_never_used_again() -> None:
    # After an abort that purged something, librdkafka 2.16 can hang for good.
    harness = Harness()
    for failures in range(1, 4):
        harness.cluster.happens_in("flush", abortable())
        with pytest.raises(Undelivered):
            harness.deliver()
        harness.delivery.recover(5.0)
        assert len(harness.producers) == 1 + failures
    harness.deliver()


@pytest.mark.parametrize("got_through", [True, False])
def test_a_commit_of_unknown_outcome_is_settled_by_a_new_producer(got_through: bool) -> None:
    harness = Harness()
    producer = harness.producers[0]
    harness.cluster.happens_in(
        "commit_transaction",
        producer.commit_without_telling if got_through else producer.be_stuck,
    )
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.delivery.recover(5.0)
    assert len(harness.producers) == 2
    # Whichever way it went, output and offsets agree.
    assert bool(harness.cluster.output) == bool(harness.cluster.committed) == got_through
    harness.deliver()


def test_a_producer_that_waits_for_the_broker_is_kept() -> None:
    harness = Harness()
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(Undelivered):
        harness.deliver()
    for _ in range(20):
        for _ in range(5):
            harness.cluster.happens_in("init_transactions", timed_out())
        with pytest.raises(Undelivered):
            harness.delivery.recover(3.0)
    harness.cluster.faults.clear()
    harness.delivery.recover(3.0)
    assert len(harness.producers) == 2
    harness.deliver()


FENCED = [fenced, lambda: abortable(KafkaError.INVALID_PRODUCER_EPOCH)]


def fenced_and_renewed(harness: Harness, failure: Callable[[], Exception]) -> None:
    harness.cluster.happens_in("flush", failure())
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.delivery.recover(5.0)


@pytest.mark.parametrize("failure", FENCED)
def test_fenced_again_and_again_ends_with_what_to_do(failure: Callable[[], Exception]) -> None:
    harness = Harness()
    for _ in range(MOST_FENCINGS):
        fenced_and_renewed(harness, failure)
    with pytest.raises(FatalKafkaError, match=r"same transactional\.id.*instance id"):
        fenced_and_renewed(harness, failure)


@pytest.mark.parametrize("failure", FENCED)
def test_fencing_now_and_then_is_no_reason_to_end(failure: Callable[[], Exception]) -> None:
    harness = Harness()
    for _ in range(3 * MOST_FENCINGS):
        fenced_and_renewed(harness, failure)
        harness.deliver()


def test_other_failures_however_many_are_no_fencing() -> None:
    harness = Harness()
    for _ in range(3 * MOST_FENCINGS):
        fenced_and_renewed(harness, abortable)
    harness.deliver()


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, r"max\.message\.bytes"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "grant"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "grant"),
        (KafkaError.INVALID_TIMESTAMP, "INVALID_TIMESTAMP"),
        (KafkaError.INVALID_RECORD, "INVALID_RECORD"),
        (KafkaError.POLICY_VIOLATION, "POLICY_VIOLATION"),
    ],
)
@pytest.mark.parametrize("call", ["produce", "send_offsets_to_transaction", "commit_transaction"])
def test_what_would_fail_again_is_fatal(call: str, code: int, advice: str) -> None:
    harness = Harness()
    harness.cluster.happens_in(call, abortable(code))
    with pytest.raises(FatalKafkaError, match=advice):
        harness.deliver()


def test_offsets_are_never_offered_without_a_membership() -> None:
    members: list[int] = []

    def membership() -> Any:
        if not members:
            raise Undelivered("not in the group")
        return members[0]

    harness = Harness(membership)
    for attempt in (harness.deliver, lambda: harness.delivery.recover(5.0)):
        with pytest.raises(Undelivered, match="not in the group"):
            attempt()
    members.append(1)
    harness.delivery.recover(5.0)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    assert len(harness.producers) == 2


def test_what_kafka_forgot_to_abort_is_not_committed_later() -> None:
    harness = Harness()
    harness.cluster.forgets_partitions = True
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.delivery.recover(5.0)
    harness.deliver()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_recovers_again_if_it_fails_to_decide_what_kafka_forgot() -> None:
    harness = Harness()
    harness.cluster.forgets_partitions = True
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.cluster.happens_in("abort_transaction", timed_out())
    with pytest.raises(Undelivered):
        harness.delivery.recover(0.0)
    harness.delivery.recover(5.0)
    harness.deliver()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_what_kafka_left_out_of_a_commit_is_published_again() -> None:
    harness = Harness()
    harness.cluster.leaderless = frozenset({(DIAGNOSES, 0)})
    harness.deliver()
    assert (harness.cluster.output, harness.cluster.committed) == ([], POSITIONS)
    harness.cluster.deaths += 1
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(Undelivered):
        harness.deliver()
    harness.delivery.recover(5.0)
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_what_kafka_left_undecided_is_settled_also_where_nothing_is_in_flight() -> None:
    harness = Harness()
    harness.cluster.leaderless = frozenset({OFFSETS})
    harness.deliver()
    assert harness.cluster.committed == {}
    harness.cluster.deaths += 1
    harness.delivery.recover(5.0)
    assert harness.cluster.committed == POSITIONS
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


@pytest.mark.timeout(30)
def test_a_client_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # As librdkafka 2.16 does if the broker goes down meanwhile.
    monkeypatch.setattr("consumer.liveness.deadline.GRACE", 0.0)
    harness, comes_back = Harness(), threading.Event()
    harness.cluster.happens_in("send_offsets_to_transaction", comes_back.wait)
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    with pytest.raises(Undelivered, match="hangs beyond"):
        harness.delivery.commit(POSITIONS, 0.01)
    harness.delivery.recover(5.0)
    assert harness.cluster.output == []
    harness.deliver()
    comes_back.set()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_closing_aborts_what_is_open_and_does_not_mind_if_that_fails() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE, ORIGIN)
    harness.cluster.happens_in("abort_transaction", fenced())
    harness.delivery.close()
    harness.delivery.close()
    assert harness.cluster.output == []


def test_starting_says_if_the_broker_does_not_answer() -> None:
    harness = Harness()
    for _ in range(9):
        harness.cluster.happens_in("init_transactions", timed_out())
    with pytest.raises(Undelivered):
        harness.delivery.start(3.0)
