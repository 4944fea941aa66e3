"""`alarms notify` as a process on a real Kafka: nothing is lost, and little is repeated."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bearing_stream.cli import main
from bearing_stream.commands.alarms.notify import events
from bearing_stream.commands.alarms.notify.listed import LAG
from bearing_stream.kafka import create_topics
from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.wire import Message
from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm import AlarmEvent
from tests.bearing_stream.commands.alarms.notify.examples import event, message
from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink, http_sink
from tests.brokers import Broker
from tests.endpoint_client import address_of, await_ready, get, samples
from tests.kafka_tools import eventually, produce
from tools.chaos.member import Member

pytestmark = pytest.mark.integration

ALARMS = 4


class Plant:
    """Topics of alarms, and a process that notifies."""

    def __init__(self, servers: str, folder: Path) -> None:
        run = uuid.uuid4().hex[:8]
        self.servers, self.folder = servers, folder
        self.events, self.alarms = f"events-{run}", f"alarms-{run}"
        self.sent: list[AlarmEvent] = []
        create_topics({"bootstrap.servers": servers}, {self.events: 2, self.alarms: 2}, 1)
        self.arguments = [
            "notify",
            f"--receivers={folder}/notifiers.toml",
            f"--bootstrap-servers={servers}",
            f"--alarm-events-topic={self.events}",
            f"--alarms-topic={self.alarms}",
            f"--group=notify-{run}",
            "--kafka=session.timeout.ms=6000",
            "--metrics-port=0",
        ]

    def receivers(self, *rows: str) -> None:
        text = "\n".join(f"[[receiver]]\nlongest_pause = '1s'\n{row}" for row in rows)
        (self.folder / "notifiers.toml").write_text(text)

    @contextmanager
    def notifier(self) -> Iterator[Member]:
        """Run the command; it is killed at the end if it still runs."""
        log = self.folder / f"{uuid.uuid4().hex[:8]}.log"
        environment = {"NO_PROXY": "*"}
        member = Member("bearing_stream", self.arguments, log, environment, command="alarms")
        try:
            member.await_event(events.READY)
            yield member
        finally:
            member.kill()

    def raise_alarms(self, count: int) -> None:
        """Send so many events, of some alarms in turn."""
        begin = len(self.sent)
        new = [
            event(number, alarm_id=f"pump-{number % ALARMS}:bearing-fault")
            for number in range(begin, begin + count)
        ]
        produce(self.servers, self.events, map(message, new))
        self.sent += new

    def assert_each_in_order(self, keys: list[str]) -> None:
        """Every event has arrived, and those of an alarm, without repetitions, in order."""
        firsts = list(dict.fromkeys(keys))
        assert sorted(firsts) == [each.transition_id for each in self.sent]
        for first in range(ALARMS):
            of_one = [int(key, 16) for key in firsts if int(key, 16) % ALARMS == first]
            assert of_one == sorted(of_one)


@pytest.fixture
def plant(broker: Broker, tmp_path: Path) -> Plant:
    return Plant(broker.bootstrap_servers, tmp_path)


def webhook(name: str, sink: HttpSink | int, more: str = "") -> str:
    url = sink.url if isinstance(sink, HttpSink) else f"http://127.0.0.1:{sink}"
    return f'name = "{name}"\nkind = "webhook"\nurl = "{url}"\n{more}'


def test_a_receiver_that_is_down_delays_no_other_and_loses_nothing(
    plant: Plant, sink: HttpSink
) -> None:
    [port] = free_ports(1)
    plant.receivers(webhook("up", sink), webhook("down", port))
    with plant.notifier() as notifier:
        plant.raise_alarms(40)
        eventually(lambda: len(sink.keys) == 40, "the events at the receiver that is up")
        notifier.await_event(events.FAILED_ATTEMPT)
        address = address_of(notifier)
        await_ready(address)
        assert get(f"{address}/livez").json["status"] == "alive"
        lags = {
            dict(labels)["receiver"]: value
            for (name, labels), value in samples(address).items()
            if name == LAG.name
        }
        assert (lags["up"], lags["down"] > 0) == (0, True)
        # What was not accepted is still there for the next process.
        notifier.stop()
    with plant.notifier() as notifier, http_sink(port) as recovered:
        recovered.replies.extend([(503, {}, b""), (429, {"retry-after": "1"}, b"")])
        plant.raise_alarms(10)
        eventually(lambda: len(set(recovered.keys)) == 50, "the events at the other one")
        eventually(lambda: len(sink.keys) == 50, "the events at the receiver that is up")
        notifier.stop()
        plant.assert_each_in_order(recovered.keys)
        assert sink.keys == list(dict.fromkeys(sink.keys))
    plant.assert_each_in_order(sink.keys)
    [report] = [each for each in notifier.events(events.REPORT) if each["receiver"] == "down"]
    assert (report["accepted"], report["refused"]) == (50, 0)


@pytest.mark.timeout(300)
def test_a_kill_repeats_at_most_what_was_not_confirmed(plant: Plant, sink: HttpSink) -> None:
    plant.receivers(webhook("hook", sink))
    kills = 3
    for kill in range(kills):
        with plant.notifier() as notifier:
            plant.raise_alarms(100)
            enough = 100 * kill + 30
            eventually(lambda enough=enough: len(sink.keys) >= enough, "some events")  # type: ignore[misc]
            notifier.kill()
    with plant.notifier() as notifier:
        eventually(lambda: len(set(sink.keys)) == 100 * kills, "all events")
        notifier.stop()
    plant.assert_each_in_order(sink.keys)
    assert len(sink.keys) - len(set(sink.keys)) <= kills


def test_receivers_that_do_not_respond_do_not_keep_the_process(
    plant: Plant, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    argv = json.dumps(["sh", "-c", f"echo >> '{flag}'; test -s '{flag}.go' || sleep 100"])
    slow = f'name = "slow"\nkind = "command"\nargv = {argv}\ntimeout = "2m"'
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hung = webhook("hung", listener.getsockname()[1], 'timeout = "1m"')
        plant.receivers(slow, hung)
        with plant.notifier() as notifier:
            plant.raise_alarms(1)
            eventually(flag.exists, "the program to run")
            begin = time.monotonic()
            notifier.stop()
            assert time.monotonic() - begin < 10
        assert notifier.events(events.ABANDONED) == []
        failed = notifier.events(events.FAILED_ATTEMPT)
        reasons = {each["receiver"]: each["reason"] for each in failed}
        assert reasons["hung"] == "it was ended: the process stops"
    (tmp_path / "flag.go").write_text("go")
    plant.receivers(slow)
    with plant.notifier() as notifier:
        eventually(lambda: len(flag.read_text()) == 2, "the program to run again")
        notifier.stop()
    [report] = notifier.events(events.REPORT)
    assert report["accepted"] == 1


def test_an_alertmanager_has_what_is_active_after_a_start(plant: Plant, sink: HttpSink) -> None:
    active = event(1, alarm_id="pump-1:bearing-fault").model_dump(mode="json")
    headers: h.Headers = [(h.TYPE, h.ALARM_TYPE.encode())]
    value = json.dumps({name: active[name] for name in active if name not in ("event", "command")})
    produce(
        plant.servers, plant.alarms, [Message(b"pump-1:bearing-fault", value.encode(), headers)]
    )
    plant.receivers(f'name = "alerts"\nkind = "alertmanager"\nurl = "{sink.url}"')
    with plant.notifier() as notifier:
        eventually(lambda: len(sink.requests) > 0, "the alerts")
        notifier.stop()
    [alert] = sink.requests[0].json
    assert alert["labels"]["alarm_id"] == "pump-1:bearing-fault"
    assert "endsAt" not in alert


def test_the_test_mode_shows_an_event_of_the_topic(plant: Plant, sink: HttpSink) -> None:
    plant.receivers(webhook("hook", sink))
    given = [each for each in plant.arguments if "kafka=" not in each]

    def shown(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["alarms", *given, *arguments])

    assert "there is no event in" in shown("--test", "latest").stderr
    plant.raise_alarms(8)
    plant.raise_alarms(1)
    assert f"idempotency-key: {8:032x}" in shown("--test", "latest").stdout
    assert f"idempotency-key: {6:032x}" in shown("--test", "pump-2:bearing-fault").stdout
    assert "no event of 'pump-9:a'" in shown("--test", "pump-9:a").stderr
    assert sink.requests == []


def test_a_new_receiver_begins_with_the_next_event_or_with_the_oldest(plant: Plant) -> None:
    with http_sink() as new, http_sink() as old:
        plant.receivers(webhook("new", new), webhook("old", old, 'start_from = "earliest"'))
        plant.raise_alarms(3)
        with plant.notifier() as notifier:
            plant.raise_alarms(2)
            eventually(lambda: len(new.keys) == 2 and len(old.keys) == 5, "the events")
            notifier.stop()
        assert sorted(new.keys) == [each.transition_id for each in plant.sent[3:]]
        assert sorted(old.keys) == [each.transition_id for each in plant.sent]


def test_processes_that_come_and_go_share_the_events(plant: Plant, sink: HttpSink) -> None:
    plant.receivers(webhook("hook", sink))
    with plant.notifier() as first:
        plant.raise_alarms(50)
        with plant.notifier() as second:
            plant.raise_alarms(50)
            eventually(lambda: len(set(sink.keys)) == 100, "the first events")
            first.stop()
            plant.raise_alarms(50)
            eventually(lambda: len(set(sink.keys)) == 150, "the other events")
            second.stop()
    plant.assert_each_in_order(sink.keys)
    assert len(sink.keys) == 150
