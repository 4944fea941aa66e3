"""What is retried, what is aborted, when a producer is replaced, and what is fatal."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Producer, TopicPartition

from bearing_stream.kafka import FatalKafkaError, FencedError, TransientKafkaError
from bearing_stream.wire import Message
from consumer.delivery.base import Bounds
from consumer.delivery.exactly_once import MAX_FENCINGS, ExactlyOnce
from consumer.delivery.states import State
from consumer.delivery.turns import REST
from tests.consumer.fake_clients import FakeLeaders, FakeProducer
from tests.consumer.fakes import (
    DIAGNOSES,
    OFFSETS,
    OUTPUT,
    WINDOWS,
    Clock,
    Cluster,
    abortable,
    fenced,
    kafka_error,
    timed_out,
)

POSITIONS = {(WINDOWS, 0): 5}
COMMITTABLE = [TopicPartition(WINDOWS, 0, 5)]
MESSAGE = Message(
    b"pump", b'{"input": {"topic": "bearing.windows", "partition": 0, "offset": 4}}', []
)

IDS = ("consumer-1", "consumer-1.second")


class Harness:
    """`ExactlyOnce` with producers in memory."""

    def __init__(
        self,
        group_metadata: Callable[[], Any] = lambda: 1,
        predecessor: "Harness | None" = None,
        ids: Sequence[str] = IDS,
        starts: bool = True,
        **topics: Any,
    ) -> None:
        self.cluster, self.clock = Cluster(**topics), Clock()
        if predecessor is not None:
            self.cluster = predecessor.cluster
        self.producers: list[FakeProducer] = []
        self.delivery = ExactlyOnce(
            [partial(self._new_producer, each) for each in ids],
            group_metadata,
            Bounds(0.2, 2**20),
            unreplicated=frozenset(OUTPUT),
            leaders=FakeLeaders(self.cluster),
            windows_topic=WINDOWS,
            claims_predecessor=predecessor is not None,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        if starts:
            self.delivery.start(5.0)

    def _new_producer(self, transactional_id: str) -> Producer:
        producer = FakeProducer(self.cluster, self.clock, transactional_id=transactional_id)
        self.producers.append(producer)
        return cast("Producer", self.producers[-1])

    def recover(self, seconds: float) -> None:
        self.delivery.recover(self.clock.now + seconds)

    def deliver(self) -> None:
        self.delivery.publish(DIAGNOSES, MESSAGE)
        self.delivery.commit(COMMITTABLE, 5.0)


def test_output_and_offsets_appear_together() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    harness.delivery.commit(COMMITTABLE, 5.0)
    assert len(harness.cluster.output) == 2
    assert harness.cluster.committed == POSITIONS


def test_a_transaction_is_open_from_its_first_message_to_its_commit() -> None:
    harness = Harness()
    assert harness.delivery.opened_at is None
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    assert harness.delivery.opened_at == harness.clock.now
    harness.delivery.commit(COMMITTABLE, 5.0)
    assert harness.delivery.opened_at is None


def test_a_producer_rests_between_two_transactions_and_another_does_not_wait_for_it() -> None:
    harness = Harness()
    begun: list[float] = []
    for _ in range(4):
        harness.delivery.publish(DIAGNOSES, MESSAGE)
        harness.delivery.publish(DIAGNOSES, MESSAGE)
        begun.append(harness.clock.now)
        harness.delivery.commit(COMMITTABLE, 5.0)
    waited = [later - earlier for earlier, later in pairwise(begun)]
    assert waited == pytest.approx([0, REST, 0])


def test_a_single_producer_rests_between_two_transactions() -> None:
    harness = Harness(ids=IDS[:1])
    harness.deliver()
    before = harness.clock.now
    harness.deliver()
    assert harness.clock.now - before == pytest.approx(REST)


@pytest.mark.timeout(30)
def test_offsets_are_added_while_the_results_are_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, added = Harness(), threading.Event()
    producer = harness.producers[0]
    add, flush = producer.send_offsets_to_transaction, producer.flush

    def added_at(*arguments: Any) -> None:
        add(*arguments)
        added.set()

    def flushed_after(timeout: float) -> int:
        assert added.wait(10)
        return flush(timeout)

    monkeypatch.setattr(producer, "send_offsets_to_transaction", added_at)
    monkeypatch.setattr(producer, "flush", flushed_after)
    harness.deliver()
    assert harness.cluster.committed == POSITIONS


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
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.recover(5.0)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    harness.deliver()
    assert len(harness.cluster.output) == 1


def test_a_producer_that_failed_is_never_used_again() -> None:
    # After an abort that purged messages, librdkafka 2.16 can hang forever.
    harness = Harness()
    for failures in range(1, 4):
        harness.cluster.happens_in("flush", abortable())
        with pytest.raises(TransientKafkaError):
            harness.deliver()
        harness.recover(5.0)
        assert len(harness.producers) == len(IDS) * (1 + failures)
    harness.deliver()


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_commit_of_unknown_outcome_is_settled_by_a_new_producer(succeeded: bool) -> None:
    harness = Harness()
    producer = harness.producers[0]
    harness.cluster.happens_in(
        "commit_transaction",
        producer.commit_without_response if succeeded else producer.be_stuck,
    )
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.recover(5.0)
    assert len(harness.producers) == 2 * len(IDS)
    # With either outcome, output and offsets agree.
    assert bool(harness.cluster.output) == bool(harness.cluster.committed) == succeeded
    harness.deliver()


def test_a_producer_that_waits_for_the_broker_is_kept() -> None:
    harness = Harness()
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    for _ in range(20):
        for _ in range(5):
            harness.cluster.happens_in("init_transactions", timed_out())
        with pytest.raises(TransientKafkaError):
            harness.recover(3.0)
    harness.cluster.faults.clear()
    harness.recover(3.0)
    assert len(harness.producers) == 2 * len(IDS)
    harness.deliver()


def test_each_producer_that_is_registered_is_not_registered_again() -> None:
    harness, registered = Harness(), len(IDS)
    harness.delivery.fail()
    harness.cluster.happens_in("init_transactions", lambda: None)
    harness.cluster.happens_in("init_transactions", timed_out())
    with pytest.raises(TransientKafkaError):
        harness.recover(0.0)
    before = [harness.cluster.transactions.epoch(each) for each in IDS]
    harness.recover(5.0)
    after = [harness.cluster.transactions.epoch(each) for each in IDS]
    assert [later - earlier for earlier, later in zip(before, after, strict=True)] == [0, 1]
    assert len(harness.producers) == 2 * registered


@pytest.mark.parametrize("delivered", range(2 * len(IDS)))
def test_a_failure_fences_all_producers_whichever_was_in_use(delivered: int) -> None:
    harness = Harness()
    for _ in range(delivered):
        harness.deliver()
    before = [harness.cluster.transactions.epoch(each) for each in IDS]
    harness.delivery.fail()
    harness.recover(5.0)
    after = [harness.cluster.transactions.epoch(each) for each in IDS]
    assert all(later > earlier for earlier, later in zip(before, after, strict=True))
    harness.deliver()
    assert len(harness.cluster.output) == delivered + 1


FENCED = [fenced, lambda: abortable(KafkaError.INVALID_PRODUCER_EPOCH)]


def fence_and_recover(harness: Harness, failure: Callable[[], Exception]) -> None:
    harness.cluster.happens_in("flush", failure())
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.recover(5.0)


@pytest.mark.parametrize("failure", FENCED)
def test_repeated_fencing_is_fatal_and_the_message_names_what_to_do(
    failure: Callable[[], Exception],
) -> None:
    harness = Harness()
    for _ in range(MAX_FENCINGS):
        fence_and_recover(harness, failure)
    with pytest.raises(FatalKafkaError, match=r"same transactional\.id.*instance id"):
        fence_and_recover(harness, failure)


@pytest.mark.parametrize("failure", FENCED)
def test_fencing_with_commits_in_between_is_transient(failure: Callable[[], Exception]) -> None:
    harness = Harness()
    for _ in range(3 * MAX_FENCINGS):
        fence_and_recover(harness, failure)
        harness.deliver()


def test_other_failures_do_not_count_as_fencing() -> None:
    harness = Harness()
    for _ in range(3 * MAX_FENCINGS):
        fence_and_recover(harness, abortable)
    harness.deliver()


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "grant"),
        (KafkaError.INVALID_RECORD, "INVALID_RECORD"),
    ],
)
@pytest.mark.parametrize("call", ["produce", "send_offsets_to_transaction", "commit_transaction"])
def test_an_error_that_a_retry_would_meet_again_is_fatal(call: str, code: int, advice: str) -> None:
    harness = Harness()
    harness.cluster.happens_in(call, abortable(code))
    with pytest.raises(FatalKafkaError, match=advice):
        harness.deliver()


def test_a_message_that_the_client_refuses_for_its_size_is_fatal() -> None:
    harness = Harness()
    harness.cluster.happens_in("produce", kafka_error(KafkaError.MSG_SIZE_TOO_LARGE))
    with pytest.raises(FatalKafkaError, match=r"max\.message\.bytes"):
        harness.deliver()


def test_offsets_are_never_sent_without_a_membership() -> None:
    members: list[int] = []

    def membership() -> Any:
        if not members:
            raise TransientKafkaError("not in the group")
        return members[0]

    harness = Harness(membership)
    for attempt in (harness.deliver, lambda: harness.recover(5.0)):
        with pytest.raises(TransientKafkaError, match="not in the group"):
            attempt()
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    members.append(1)
    harness.recover(5.0)
    harness.deliver()
    assert harness.cluster.committed == POSITIONS


def test_what_kafka_forgot_to_abort_is_not_committed_later() -> None:
    harness = Harness()
    harness.cluster.forgets_partitions = True
    for _ in range(3):  # So many that the client sends some before it is asked to.
        harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.recover(5.0)
    harness.deliver()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_recovery_is_repeated_if_aborting_what_kafka_forgot_fails() -> None:
    harness = Harness()
    harness.cluster.forgets_partitions = True
    for _ in range(3):  # So many that the client sends some before it is asked to.
        harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.cluster.happens_in("flush", fenced())
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.cluster.happens_in("abort_transaction", timed_out())
    with pytest.raises(TransientKafkaError):
        harness.recover(0.0)
    harness.recover(5.0)
    harness.deliver()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


@pytest.mark.parametrize("missed", [(DIAGNOSES, 0), OFFSETS])
@pytest.mark.parametrize("delivered", range(len(IDS)))
def test_a_recovery_decides_what_a_commit_left_undecided(missed: object, delivered: int) -> None:
    harness = Harness()
    for _ in range(delivered):
        harness.deliver()
    harness.cluster.leaderless = frozenset({missed})
    harness.deliver()
    assert harness.cluster.is_undecided
    harness.delivery.fail()
    harness.recover(5.0)
    assert not harness.cluster.is_undecided


@pytest.mark.parametrize("missed", [(DIAGNOSES, 0), OFFSETS])
@pytest.mark.parametrize("delivered", range(len(IDS)))
def test_a_successor_decides_before_it_publishes(missed: object, delivered: int) -> None:
    harness = Harness()
    for _ in range(delivered):
        harness.deliver()
    harness.cluster.leaderless = frozenset({missed})
    harness.deliver()
    successor = Harness(predecessor=harness)
    assert successor.delivery.state.needs_recovery
    successor.recover(5.0)
    assert not successor.cluster.is_undecided
    assert successor.delivery.state is State.IDLE


def test_nothing_is_settled_where_the_output_is_replicated() -> None:
    harness = Harness()
    harness.delivery._unreplicated = frozenset()
    harness.delivery.fail()
    begun: list[bool] = []
    harness.cluster.happens_in("begin_transaction", lambda: begun.append(True))
    harness.recover(5.0)
    assert not begun
    assert all(log.high_watermark == 0 for log in harness.cluster.topic(DIAGNOSES).logs)


def test_records_that_settle_are_taken_by_a_compacted_topic() -> None:
    harness = Harness(compacted=True)
    harness.delivery.fail()
    harness.recover(5.0)
    assert harness.delivery.state is State.IDLE
    assert harness.cluster.output == []


def test_a_commit_is_due_by_time_and_by_bytes() -> None:
    harness = Harness()
    assert harness.delivery.due_at() is None
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    assert harness.delivery.due_at() == harness.clock.now + 0.2
    harness.delivery.publish(DIAGNOSES, MESSAGE._replace(value=bytes(2**20)))
    assert harness.delivery.due_at() == harness.clock.now


def test_what_did_not_get_out_in_time_is_tried_again_smaller() -> None:
    harness = Harness()
    limits = [harness.delivery.byte_limit]
    for _ in range(3):
        harness.cluster.happens_in("flush", timed_out())
        harness.delivery.publish(DIAGNOSES, MESSAGE._replace(value=bytes(2**19)))
        with pytest.raises(TransientKafkaError):
            harness.delivery.commit(COMMITTABLE, 5.0)
        harness.recover(5.0)
        limits.append(harness.delivery.byte_limit)
    assert limits == sorted(limits, reverse=True)
    assert 0 < limits[-1] < limits[0] // 4
    for _ in range(9):
        harness.deliver()
    assert harness.delivery.byte_limit == limits[0]


@pytest.mark.timeout(30)
def test_a_client_that_hangs_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    # librdkafka 2.16 hangs so if the broker goes down meanwhile.
    monkeypatch.setattr("consumer.liveness.budget.HANG", 0.0)
    harness, returns = Harness(), threading.Event()
    harness.cluster.happens_in("send_offsets_to_transaction", returns.wait)
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    with pytest.raises(TransientKafkaError, match="hangs beyond"):
        harness.delivery.commit(COMMITTABLE, 0.01)
    harness.recover(5.0)
    assert harness.cluster.output == []
    harness.deliver()
    returns.set()
    assert harness.cluster.output == [(DIAGNOSES, MESSAGE)]


def test_closing_aborts_the_open_transaction_and_ignores_a_failure() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.cluster.happens_in("abort_transaction", fenced())
    harness.delivery.close()
    harness.delivery.close()
    assert harness.cluster.output == []


def test_starting_fails_with_a_transient_error_if_the_broker_does_not_respond() -> None:
    harness = Harness(starts=False)
    for _ in range(9):
        harness.cluster.happens_in("init_transactions", timed_out())
    with pytest.raises(TransientKafkaError):
        harness.delivery.start(3.0)


def test_a_record_whose_delivery_is_only_presumed_fails_the_transaction() -> None:
    harness = Harness()
    harness.producers[0].lose_next()
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    with pytest.raises(TransientKafkaError, match="did not acknowledge 1"):
        harness.delivery.commit(COMMITTABLE, 5.0)
    harness.recover(5.0)
    assert (harness.cluster.output, harness.cluster.committed) == ([], {})
    harness.deliver()
    assert len(harness.cluster.output) == 1


def test_a_fencing_that_the_client_reports_from_within_a_callback_is_transient() -> None:
    """confluent-kafka calls the callbacks of deliveries with the exception set."""
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE)

    def fail() -> None:
        raise SystemError("a callback returned a result with an exception set") from fenced()

    harness.cluster.happens_in("flush", fail)
    with pytest.raises(FencedError):
        harness.delivery.commit(COMMITTABLE, 5.0)
    harness.recover(5.0)
    harness.deliver()
    assert len(harness.cluster.output) == 1


def test_any_other_system_error_is_not_hidden() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    harness.cluster.happens_in("flush", SystemError("broken"))
    with pytest.raises(SystemError, match="broken"):
        harness.delivery.commit(COMMITTABLE, 5.0)
