"""Every window comes out once, though others act between any two calls of the clients.

Others are: a member of the same group that takes the partitions over, a group with another model
that writes to the same topics, transactional senders, and retention.
"""

from collections import Counter
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bearing_stream.wire import decode_diagnosis
from tests.consumer.fakes import (
    DIAGNOSES,
    WINDOWS,
    StubAssessor,
    abortable,
    fenced,
    result_of,
    timed_out,
    window,
)
from tests.consumer.world import Guarantee, World
from tests.kafka_in_memory.rival import Rival

Event = Callable[["Company"], None]


class OtherModel(StubAssessor):
    """Another version, whose diagnoses have other ids."""

    version = "other-model"


class Company(World):
    """A consumer that is not alone."""

    def __init__(self, guarantee: Guarantee = "exactly-once") -> None:
        super().__init__(guarantee)
        self.other_model = Rival(
            self.cluster, "other-model", "other-model", lambda one: result_of(one, OtherModel())
        )
        self._number = 0

    def send(self, partition: int, count: int, committed: bool | None) -> None:
        """Windows of a transactional sender."""
        windows = [window(self._number + each, 1) for each in range(count)]
        self._number += count
        self.cluster.append_in_transaction(WINDOWS, partition, *windows, committed=committed)

    def in_the_end(self) -> None:
        """Let the senders end their transactions, and everybody finish."""
        for partition in (0, 1):
            self.send(partition, 1, True)
        self.finish()
        for partition in (0, 1):
            while self.other_model.take(WINDOWS, partition, 50):
                pass


def sends(partition: int, count: int, committed: bool | None) -> Event:
    return lambda world: world.send(partition, count, committed)


When = str | int
"""The name of a call, or how many calls of any name come first."""


def at(when: When, what: Callable[[Company], object]) -> Event:
    def event(world: Company) -> None:
        if isinstance(when, str):
            world.happens_in(when, lambda: what(world))
        else:
            world.cluster.faults.happens_after(when, lambda: what(world))

    return event


def is_put_out(when: When, others: int) -> Event:
    """The group gives the partitions to another member."""
    return at(when, lambda world: world.consumer.evict(others))


def another_goes_on(when: When, partition: int, others: int) -> Event:
    """Another member that has got the partition processes more, while it owns it."""

    def takes(world: Company) -> None:
        if not world.consumer.is_member or partition not in world.consumer.fetcher.positions:
            world.cluster.another_consumer_takes(partition, others)

    return at(when, takes)


def other_model_takes(when: When, partition: int, most: int) -> Event:
    return at(when, lambda world: world.other_model.take(WINDOWS, partition, most))


def fails(call: str, failure: Callable[[], Exception]) -> Event:
    return lambda world: world.happens_in(call, failure())


OF_CONSUMER = (
    *("consume", "consume_more", "assignment", "committed", "seek", "commit"),
    *("get_watermark_offsets", "consumer_group_metadata", "memberid"),
)
OF_PRODUCER = (
    *("init_transactions", "begin_transaction", "produce", "poll", "flush", "list_topics"),
    *("send_offsets_to_transaction", "commit_transaction", "abort_transaction"),
)
OF_OUTPUT = ("ends", "read")
WHEN = st.one_of(st.sampled_from((*OF_CONSUMER, *OF_PRODUCER, *OF_OUTPUT)), st.integers(0, 40))
PARTITIONS = st.integers(0, 1)
FAILING = ("flush", "commit_transaction", "send_offsets_to_transaction", "committed")
EVENTS = st.one_of(
    st.builds(sends, PARTITIONS, st.integers(1, 6), st.sampled_from((True, False, None))),
    st.builds(is_put_out, WHEN, st.integers(0, 5)),
    st.builds(another_goes_on, WHEN, PARTITIONS, st.integers(0, 5)),
    st.builds(other_model_takes, WHEN, PARTITIONS, st.integers(1, 5)),
    st.builds(fails, st.sampled_from(FAILING), st.sampled_from((abortable, fenced, timed_out))),
)
LIVES = st.lists(st.lists(EVENTS, max_size=3), max_size=15)


def live(world: Company, life: list[list[Event]]) -> None:
    world.send(0, 4, True)
    for events in life:
        for event in events:
            event(world)
        world.pipeline.step()
    world.in_the_end()


def ids_out(world: Company, version: str) -> list[str]:
    found = [
        decode_diagnosis(message.headers, message.value)[1]
        for topic, message in world.cluster.output
        if topic == DIAGNOSES
    ]
    return [one.window_id for one in found if one.model.version == version]


def ids_in(world: Company) -> set[str]:
    return {
        decode_window_id(message.message.headers)
        for log in world.cluster.log.values()
        for message in log
    }


def decode_window_id(headers: list[tuple[str, bytes | None]]) -> str:
    return (dict(headers)["ce_id"] or b"").decode()


@settings(max_examples=120, deadline=None)
@given(LIVES)
@example([[is_put_out("send_offsets_to_transaction", 4)], *[[]] * 9])
def test_exactly_once_with_two_models_rivals_and_transactional_senders(
    life: list[list[Event]],
) -> None:
    world = Company()
    live(world, life)
    for version in (StubAssessor.version, OtherModel.version):
        assert Counter(ids_out(world, version)) == Counter(ids_in(world))


@settings(max_examples=40, deadline=None)
@given(LIVES)
def test_at_least_once_with_two_models_rivals_and_transactional_senders(
    life: list[list[Event]],
) -> None:
    world = Company("at-least-once")
    live(world, life)
    assert set(ids_out(world, StubAssessor.version)) == ids_in(world)


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_committed_offsets_never_go_back(life: list[list[Event]]) -> None:
    world = Company()
    live(world, life)
    for number in (0, 1):
        committed = [at for where, at in world.cluster.members.history if where[1] == number]
        assert committed == sorted(committed)
