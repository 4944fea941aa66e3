"""The loop of a receiver: nothing is committed that was not accepted, and nothing is lost."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bearing_stream.commands.alarms.notify.senders import (
    PartlyRefusedError,
    RefusedError,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.alertmanager import AlertmanagerSender
from bearing_stream.commands.alarms.notify.source import Record
from bearing_stream.wire.alarm import Alarm
from tests.bearing_stream.commands.alarms.notify.examples import event, receiver
from tests.bearing_stream.commands.alarms.notify.fakes import World
from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink

LIMITED = 'kind = "command"\nargv = ["true"]\nper_minute = 3'


def test_events_are_sent_in_order_and_committed_one_by_one() -> None:
    world = World()
    world.topic.add(event(0), event(1))
    world.steps(1)
    assert (world.sender.keys, world.topic.committed) == ([0], {0: 1})
    world.steps(1)
    assert (world.sender.keys, world.topic.committed) == ([0, 1], {0: 2})


def test_a_receiver_that_is_down_is_tried_again_with_growing_pauses() -> None:
    world = World()
    world.topic.add(event(0), event(1))
    world.sender.errors.extend([UnavailableError("down")] * 5)
    with capture_logs() as logs:
        world.steps(1)
    times = [at for at, _ in world.sender.attempts]
    assert [b - a for a, b in pairwise(times)] == [1, 2, 4, 8, 16]
    assert {key for _, key in world.sender.attempts} == {event(0).transition_id}
    assert world.loop.counts["attempts"] == 5
    names = [line["event"] for line in logs]
    assert names == ["receiver_unavailable"] * 5 + ["receiver_recovered"]
    assert (logs[0]["reason"], logs[0]["alarm_id"]) == ("down", "pump-7:bearing-fault")
    world.steps(1)
    assert world.sender.keys == [0, 1]


def test_a_receiver_may_ask_for_a_longer_pause() -> None:
    world = World()
    world.topic.add(event(0))
    world.sender.errors.append(UnavailableError("busy", retry_after=90))
    world.steps(1)
    (first, _), (second, _) = world.sender.attempts
    assert second - first == 90


def test_what_is_refused_is_logged_and_skipped() -> None:
    world = World()
    world.topic.add(event(0), event(1))
    world.sender.errors.append(RefusedError("status 400: bad"))
    with capture_logs() as logs:
        world.steps(2)
    assert (world.sender.keys, world.topic.committed) == ([1], {0: 2})
    assert world.loop.counts == {
        "accepted": 1,
        "refused": 1,
        "attempts": 0,
        "omitted": 0,
        "summarised": 0,
        "unreadable": 0,
    }
    [line] = [line for line in logs if line["event"] == "notification_refused"]
    assert (line["log_level"], line["key"]) == ("error", event(0).transition_id)


def test_what_only_some_recipients_refuse_is_accepted_and_logged() -> None:
    world = World()
    world.topic.add(event(0), event(1))
    world.sender.errors.append(PartlyRefusedError("ben@example.com: status 550"))
    with capture_logs() as logs:
        world.steps(2)
    assert (world.loop.counts["accepted"], world.loop.counts["refused"]) == (2, 0)
    assert (len(world.sender.attempts), world.topic.committed) == (2, {0: 2})
    [line] = logs
    assert (line["event"], line["log_level"]) == ("recipients_refused", "error")
    assert (line["reason"], line["alarm_id"], line["key"]) == (
        *("ben@example.com: status 550", "pump-7:bearing-fault", event(0).transition_id),
    )


def test_an_unexpected_error_of_a_sender_is_tried_again() -> None:
    world = World()
    world.topic.add(event(0))
    world.sender.errors.append(KeyError("oops"))
    with capture_logs() as logs:
        world.steps(1)
    assert world.sender.keys == [0]
    assert logs[0]["reason"] == "unexpected KeyError: 'oops'"


def test_a_stop_while_the_receiver_is_down_commits_nothing() -> None:
    world = World()
    world.topic.add(event(0))
    world.sender.errors.extend([UnavailableError("down")] * 100)
    world.run(60)
    assert world.topic.committed == {}
    world.sender.errors.clear()
    world.start()
    world.run(1)
    assert world.sender.keys == [0]


def test_a_partition_that_goes_to_another_process_is_left_to_it() -> None:
    world = World()
    world.topic.add(event(0))
    world.topic.add(event(1), partition=1)
    world.start()
    world.sender.errors.append(UnavailableError("down"))
    keep = world.source.keep

    def lose(seconds: float) -> None:
        keep(seconds)
        world.source.owned.discard(0)

    world.source.keep = lose  # type: ignore[method-assign]
    world.steps(2)
    assert (world.sender.keys, world.topic.committed) == ([1], {1: 1})


def test_omitted_and_unreadable_events_are_committed_in_time() -> None:
    world = World()
    world.topic.add(event(0, event="acknowledged"))
    world.topic.records[0].append(Record(0, 1, [("ce_type", b"other")], b"{}"))
    with capture_logs() as logs:
        world.run(10)
    assert (world.topic.committed, world.sender.attempts) == ({0: 2}, [])
    assert (world.loop.counts["omitted"], world.loop.counts["unreadable"]) == (1, 1)
    assert [line["offset"] for line in logs if line["event"] == "unreadable_event"] == [1]


def test_beyond_the_limit_there_is_one_summary() -> None:
    world = World(LIMITED)
    world.topic.add(*(event(number) for number in range(50)))
    world.run(59)
    assert world.sender.keys == [0, 1, 2]
    assert world.topic.committed == {0: 3}
    world.topic.add(event(50, event="acknowledged"))
    world.run(10)
    *_, summary = world.sender.accepted
    assert summary.event is None
    assert summary.title == "[medium] 47 events of alarms: 47 raised"
    assert world.topic.committed == {0: 51}
    assert world.loop.counts["summarised"] == 47
    world.topic.add(event(60))
    world.run(1)
    assert world.sender.keys[-1] == 60


def test_a_kill_before_the_summary_loses_nothing() -> None:
    world = World(LIMITED)
    world.topic.add(*(event(number) for number in range(10)))
    world.steps(10)
    world.start()
    world.run(130)
    *_, summary = world.sender.accepted
    assert world.sender.keys == [0, 1, 2, 3, 4, 5]
    assert summary.title.startswith("[medium] 4 events")


def test_a_summary_waits_for_a_receiver_that_is_down() -> None:
    world = World(LIMITED)
    world.topic.add(*(event(number) for number in range(5)))
    world.steps(5)
    world.sender.errors.extend([UnavailableError("down")] * 3)
    world.run(80)
    assert [each.event is None for each in world.sender.accepted] == [False] * 3 + [True]
    assert world.topic.committed == {0: 5}


def test_a_stop_before_a_summary_is_accepted_commits_nothing_of_it() -> None:
    world = World(LIMITED)
    world.topic.add(*(event(number) for number in range(5)))
    world.steps(5)
    world.sender.errors.extend([UnavailableError("down")] * 100)
    world.run(80)
    assert world.topic.committed == {0: 3}


def test_the_loop_restores_the_alarms_of_its_partitions(sink: HttpSink) -> None:
    world = World()
    world.alarms = [Alarm(**dict(event()))]
    text = f'kind = "alertmanager"\nurl = "{sink.url}"'
    world.start(AlertmanagerSender(receiver(text), world.clock))
    world.run(130)
    assert [len(request.json) for request in sink.requests] == [1, 1, 1]
    sink.default = 500, {}, b""
    with capture_logs() as logs:
        world.run(100)
    assert {line["event"] for line in logs} == {"receiver_unavailable"}
    assert 1 < len(logs) < 10


OUTCOMES = st.sampled_from(["ok", "ok", "down", "refused", "kill", "kill after"])


class _KilledError(BaseException):
    """The process has been killed."""


@given(st.lists(OUTCOMES, max_size=30), st.sampled_from(["", "per_minute = 2"]), st.integers(1, 12))
def test_each_event_arrives_in_order_with_any_failures(
    outcomes: list[str], limit: str, count: int
) -> None:
    world = World(f'kind = "command"\nargv = ["true"]\n{limit}')
    world.topic.add(*(event(number) for number in range(count)))
    world.start()
    arrived: list[int] = []
    refused: set[str] = set()
    script = iter(outcomes)

    def send(notification: Any) -> None:
        outcome = next(script, "ok")
        if outcome == "kill":
            raise _KilledError
        if outcome == "down":
            raise UnavailableError("down")
        if outcome == "refused":
            refused.add(notification.key)
            raise RefusedError("no")
        if notification.event is not None:
            arrived.append(int(notification.key, 16))
        else:
            arrived.extend(range(max(arrived, default=-1) + 1, count))
        if outcome == "kill after":
            raise _KilledError

    world.sender.send = send  # type: ignore[method-assign]
    with capture_logs():
        while world.topic.committed != {0: count}:
            try:
                world.loop.step()
            except _KilledError:
                world.start()
    if not refused:
        assert set(arrived) == set(range(count))
        # What is repeated was not confirmed: it begins with the last one again.
        firsts = list(dict.fromkeys(arrived))
        assert firsts == sorted(firsts)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_a_stop_ends_the_loop_at_once(seconds: float) -> None:
    world = World()
    begin = world.now
    world.run(seconds)
    assert world.now - begin <= seconds + 1
