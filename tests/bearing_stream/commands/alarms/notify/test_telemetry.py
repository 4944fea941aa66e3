"""What the notifier reports of itself: metrics by receiver, and health."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bearing_stream.commands.alarms.notify.listed import NOTIFY_METRICS, PREFIX
from bearing_stream.commands.alarms.notify.receivers_file import parse
from bearing_stream.commands.alarms.notify.senders import RefusedError, UnavailableError
from bearing_stream.commands.alarms.notify.service import run
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.notify.telemetry import NotifyTelemetry, Watched
from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.observability import Endpoint
from consumer.telemetry.health import Phase
from tests.bearing_stream.commands.alarms.notify.examples import event
from tests.bearing_stream.commands.alarms.notify.fakes import World

LIMITED = 'kind = "command"\nargv = ["true"]\nper_minute = 1\nseverity = "medium"'


def telemetry(world: World, joined: bool = True, since_poll: float = 0.0) -> NotifyTelemetry:
    made = NotifyTelemetry(attempt_limit=600)
    made.receivers = {"pager": Watched(world.loop, lambda: joined, lambda: since_poll)}
    made.phase = Phase.RUNNING
    return made


def values(world: World) -> dict[tuple[str, ...], Any]:
    return {
        (reading.metric.name.removeprefix(PREFIX), *reading.labels[1:]): reading.value
        for reading in telemetry(world).readings()
        if reading.labels[0] == "pager"
    }


def test_what_becomes_of_events_is_counted_by_receiver() -> None:
    world = World(LIMITED)
    world.topic.add(event(0), event(1), event(2, severity="low"))
    world.sender.errors.extend([UnavailableError("down"), RefusedError("bad")])
    with capture_logs():
        world.run(100)
    assert values(world) == {
        ("messages_total", "accepted"): 1,
        ("messages_total", "refused"): 1,
        ("failed_attempts_total",): 1,
        ("events_total", "omitted"): 1,
        ("events_total", "summarised"): 1,
        ("events_total", "unreadable"): 0,
        ("lag_seconds",): 0.0,
    }


def test_every_metric_has_a_reading_with_all_its_labels() -> None:
    readings = list(telemetry(World()).readings())
    assert {reading.metric for reading in readings} == set(NOTIFY_METRICS)
    assert all(len(reading.labels) == len(reading.metric.labels) for reading in readings)


def test_a_receiver_that_is_down_lags_and_catches_up() -> None:
    world = World()
    world.topic.add(event(0), at=world.now - 5)
    seen: list[float] = []

    def note(seconds: float) -> None:
        world.now += seconds
        seen.append(world.loop.lag)

    world.source.keep = note  # type: ignore[method-assign]
    world.sender.errors.extend([UnavailableError("down")] * 3)
    with capture_logs():
        world.steps(1)
    assert 5 < seen[0] < seen[-1] < world.now
    assert seen == sorted(seen)
    assert world.loop.lag == 0


def test_an_event_that_waits_for_its_summary_lags() -> None:
    world = World(LIMITED)
    world.topic.add(event(0), event(1), event(2))
    world.steps(2)
    world.now += 30
    assert world.loop.lag == 30
    world.run(60)
    assert world.loop.lag == 0


@pytest.mark.parametrize(
    ("phase", "joined", "problem"),
    [
        (Phase.WAITING, True, "it waits for Kafka: no such topic"),
        (Phase.RUNNING, False, "the group has assigned nothing to the receiver 'pager' yet"),
        (Phase.STOPPING, True, "it is stopping"),
        (Phase.RUNNING, True, None),
    ],
)
def test_readiness_names_what_is_wrong(phase: Phase, joined: bool, problem: str | None) -> None:
    found = telemetry(World(), joined)
    found.phase, found.waiting_for = phase, "no such topic"
    reply = found.ready()
    assert reply.status == (200 if problem is None else 503)
    assert json.loads(reply.body)["problems"] == ([] if problem is None else [problem])
    assert json.loads(reply.body)["lag"] == {"pager": 0.0}
    assert found.live().status == 200


def test_it_is_not_ready_and_alive_while_kafka_is_away() -> None:
    problem = "connection refused"
    found = NotifyTelemetry(600, lambda: problem)
    found.phase = Phase.RUNNING
    assert json.loads(found.ready().body)["problems"] == [
        "Kafka cannot be reached: connection refused"
    ]
    assert (found.ready().status, found.live().status) == (503, 200)
    problem = ""
    assert found.ready().status == 200


def test_it_is_not_alive_while_an_attempt_hangs() -> None:
    reply = telemetry(World(), since_poll=601).live()
    assert reply.status == 503
    assert "pager" in json.loads(reply.body)["status"]


def test_a_port_in_use_is_one_line_of_advice() -> None:
    [port] = free_ports(1)
    settings = NotifySettings.model_validate({"receivers": "unused", "metrics_port": port})
    occupied = Endpoint(("127.0.0.1", port), {})
    try:
        with capture_logs() as logs:
            assert run(settings, parse(f'[[receiver]]\nname = "pager"\n{LIMITED}')) == 1
    finally:
        occupied.close()
    assert "choose another --metrics-port" in logs[-1]["error"]
