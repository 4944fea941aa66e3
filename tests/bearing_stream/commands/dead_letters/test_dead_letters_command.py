"""`bearing-stream dead-letters` on a real Kafka: what it lists, shows and sends back."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition

from bearing_stream.commands.dead_letters import RedriveSettings, redrive
from bearing_stream.commands.dead_letters.command import command
from bearing_stream.commands.dead_letters.redrive import _Sender
from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.kafka import FatalKafkaError, create_topics
from bearing_stream.program import PROGRAM
from tests.bearing_stream.commands.dead_letters.letters import Yard, letter, options, original
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    delete_topics,
    new_topics,
    read_to_end,
    simulate_windows,
)

PLACES = ("bootstrap_servers", "windows_topic", "dead_letters_topic")


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    yield topics
    delete_topics(topics)


@pytest.fixture
def yard(topics: Topics) -> Yard:
    """Six letters: 0, 2, 4 of press-0 too short, 1, 3, 5 of press-1 without a value."""
    yard = Yard(topics)
    reasons = ("wrong-length", "no-value")
    yard.bury(
        *(
            letter(original(i, f"press-{i % 2}"), topics.windows, i, reasons[i % 2])
            for i in range(6)
        )
    )
    return yard


def run(yard: Yard, name: str, *arguments: str) -> Result:
    names = (*PLACES, "redrive_group") if name == "redrive" else PLACES
    return CliRunner().invoke(command, [name, *options(yard.settings, names), *arguments])


def redriven(yard: Yard, *arguments: str) -> dict[str, Any]:
    ran = run(yard, "redrive", "--json", *arguments)
    assert ran.exit_code == 0, ran.output
    counts: dict[str, Any] = json.loads(ran.stdout)
    return counts


@pytest.mark.integration
def test_a_reader_that_has_read_enough_is_no_error(yard: Yard) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["list", "--json", *options(yard.settings, PLACES)]
    ran = subprocess.run(
        [*PROGRAM, "dead-letters", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=100,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.integration
def test_letters_are_listed_by_reason(yard: Yard) -> None:
    listed = run(yard, "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:3]] == [
        ["3", "1", "wrong-length"],
        ["3", "1", "no-value"],
    ]
    assert all(f"0:{offset}" in listed for offset in range(6))
    lines = [json.loads(line) for line in run(yard, "list", "--json").stdout.splitlines()]
    assert [line["input"]["offset"] for line in lines] == list("012345")


@pytest.mark.integration
def test_letters_are_found_by_reason_sensor_and_time(yard: Yard) -> None:
    def offsets(*arguments: str) -> list[int]:
        ran = run(yard, "list", "--json", *arguments)
        return [json.loads(line)["offset"] for line in ran.stdout.splitlines()]

    hour = timedelta(hours=1)
    assert offsets("--reason=no-value") == [1, 3, 5]
    assert offsets("--sensor=press-0") == [0, 2, 4]
    assert offsets("--sensor=press-0", "--reason=no-value") == []
    assert offsets("--limit=2") == [0, 1]
    assert offsets(f"--since={(datetime.now(UTC) + hour).isoformat()}") == []
    assert offsets(f"--until={(datetime.now(UTC) - hour).isoformat()}") == []
    assert offsets(f"--since={(datetime.now(UTC) - hour).isoformat()}") == list(range(6))


@pytest.mark.integration
def test_one_letter_is_shown_whole(yard: Yard) -> None:
    shown = run(yard, "show", "0:3").stdout
    assert "no-value" in shown
    assert "ce_subject: press-1" in shown
    assert "76 61 6c 75 65 20 33" in shown
    value = json.loads(run(yard, "show", "0:3", "--json").stdout)["value"]
    assert base64.b64decode(value) == b"value 3"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("place", "status", "said"),
    [
        ("0:99", 1, "holds no letter at 0:99; partition 0 holds the offsets from 0 to 5"),
        ("7:0", 1, "has no partition 7"),
        ("seven", 2, "expected PARTITION:OFFSET such as 0:17; came 'seven'"),
    ],
)
def test_a_letter_that_is_not_there(yard: Yard, place: str, status: int, said: str) -> None:
    ran = run(yard, "show", place)
    assert ran.exit_code == status
    assert said in ran.stderr


@pytest.mark.integration
def test_a_redrive_is_tried_first(yard: Yard) -> None:
    assert redriven(yard)["sent"] == 6
    assert "Nothing was sent" in run(yard, "redrive").stdout
    assert yard.windows() == []


@pytest.mark.integration
def test_redriven_twice_is_sent_once(yard: Yard) -> None:
    counts = redriven(yard, "--execute")
    assert counts["by_reason"] == {"wrong-length": 3, "no-value": 3}
    assert yard.values() == [b"value %d" % i for i in range(6)]
    for value, headers in yard.windows():
        assert headers["bearing-redrives"] == b"1"
        assert headers["ce_id"] == (value or b"")[-1:]
        assert [name for name in headers if name.startswith("__connect")] == []

    counts = redriven(yard, "--execute")
    assert (counts["sent"], counts["already"]) == (0, 6)
    assert len(yard.windows()) == 6


@pytest.mark.integration
def test_one_reason_today_and_all_tomorrow(yard: Yard) -> None:
    assert redriven(yard, "--execute", "--reason=no-value", "--limit=2")["sent"] == 2
    assert yard.values() == [b"value 1", b"value 3"]
    counts = redriven(yard, "--execute")
    assert (counts["sent"], counts["already"]) == (4, 2)
    assert yard.values() == [b"value %d" % i for i in range(6)]


@pytest.mark.integration
def test_what_came_back_too_often_stays(yard: Yard) -> None:
    topic = yard.topics.windows
    yard.bury(
        letter(original(6, bearing_redrives="2"), topic),
        letter(original(7, bearing_redrives="3"), topic),
        letter(original(8, bearing_redrives="often"), topic),
    )
    counts = redriven(yard, "--execute", "--max-redrives=3")
    assert (counts["sent"], counts["capped"]) == (7, 2)
    assert [headers["bearing-redrives"] for _, headers in yard.windows()] == [b"1"] * 6 + [b"3"]


@pytest.mark.integration
def test_what_is_of_another_windows_topic_stays(yard: Yard) -> None:
    yard.bury(letter(original(6), "another"), original(7))
    counts = redriven(yard, "--execute")
    assert (counts["sent"], counts["elsewhere"]) == (6, 2)


@pytest.mark.integration
def test_a_redrive_that_another_took_over_sends_nothing_more(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(RedriveSettings, yard.settings)
    send = _Sender.send
    others: list[int] = []

    def overtaken(sender: _Sender) -> None:
        if not others:
            others.append(0)
            others[0] = redrive(settings, execute=True).sent.total()
        send(sender)

    monkeypatch.setattr(_Sender, "send", overtaken)
    with pytest.raises(FatalKafkaError, match=r"another redrive .* has taken over"):
        redrive(settings, execute=True)
    assert others == [6]
    assert yard.values() == [b"value %d" % i for i in range(6)]


@pytest.mark.integration
def test_where_one_is_refused_its_whole_transaction_is_undone(yard: Yard) -> None:
    small = f"{yard.topics.windows}-small"
    connection = {"bootstrap.servers": yard.topics.servers}
    create_topics(connection, {small: 1}, 1, {"max.message.bytes": "2000"})
    noise = np.random.default_rng(0).bytes(4000)
    yard.bury(letter(original(6), small), letter(original(7)._replace(value=noise), small))

    ran = run(yard, "redrive", "--execute", f"--windows-topic={small}")

    assert ran.exit_code == 1
    assert "raise max.message.bytes of the topic" in ran.stderr
    assert "0 were redriven" in ran.stderr
    assert read_to_end(yard.topics.servers, small) == []
    assert redriven(yard, f"--windows-topic={small}")["sent"] == 2


@pytest.mark.integration
def test_a_windows_topic_that_is_not_there_is_named(yard: Yard) -> None:
    ran = run(yard, "redrive", "--execute", "--windows-topic=nowhere", "--startup-timeout=0")
    assert ran.exit_code == 1
    assert "has no topic 'nowhere'" in ran.stderr


@pytest.mark.integration
def test_somebody_elses_group_is_refused(yard: Yard) -> None:
    group = f"{yard.settings['redrive_group']}-0"
    theirs = Consumer({"bootstrap.servers": yard.topics.servers, "group.id": group})
    theirs.commit(offsets=[TopicPartition(yard.topics.dead_letters, 0, 3)], asynchronous=False)
    theirs.close()

    ran = run(yard, "redrive", "--execute")

    assert ran.exit_code == 1
    assert f"the group '{group}' has offsets" in ran.stderr
    assert yard.windows() == []


@pytest.mark.integration
def test_a_redriven_window_goes_through_the_consumer_again(broker: Broker) -> None:
    """What was rejected is rejected again, counted, up to the cap; the books stay right."""
    topics = new_topics(broker.bootstrap_servers)
    yard = Yard(topics)
    sent = simulate_windows(topics, 200, malformed=0.1)
    bad = sent - 200

    settings = VerifySettings.model_validate(topics.settings | {"settle": 30.0})
    with ConsumerProcess(topics) as consumer:
        for rounds in range(2):
            assert verify(settings).dead_letters == bad * (rounds + 1)
            assert redriven(yard, "--execute", "--max-redrives=2")["sent"] == bad
        report = verify(settings)
        counts = redriven(yard, "--execute", "--max-redrives=2")
        consumer.stop()
    delete_topics(topics)

    assert (counts["sent"], counts["capped"], counts["already"]) == (0, bad, 2 * bad)
    assert report.wrong == {}
    assert (report.windows, report.dead_letters) == (sent + 2 * bad, 3 * bad)
