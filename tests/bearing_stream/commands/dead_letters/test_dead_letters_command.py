"""`bearing-stream dead-letters` on a real Kafka: list, show and redrive."""

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
from bearing_stream.wire import DeadLetter, Message, RejectionReason
from tests.bearing_stream.commands.dead_letters.letters import (
    LetterTopics,
    letter,
    options,
    original,
)
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    delete_topics,
    new_topics,
    read_to_end,
    simulate_windows,
)
from tests.partitioner import java_partition

SETTINGS = ("bootstrap_servers", "windows_topic", "dead_letters_topic")


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    yield topics
    delete_topics(topics)


@pytest.fixture
def letters(topics: Topics) -> LetterTopics:
    """Six letters: 0, 2, 4 of press-0 are too short, 1, 3, 5 of press-1 have no value."""
    letters = LetterTopics(topics)
    reasons = ("wrong-length", "no-value")
    letters.add_letters(
        *(
            letter(original(i, f"press-{i % 2}"), topics.windows, i, reasons[i % 2])
            for i in range(6)
        )
    )
    return letters


def run(letters: LetterTopics, name: str, *arguments: str) -> Result:
    names = (*SETTINGS, "redrive_group") if name == "redrive" else SETTINGS
    return CliRunner().invoke(command, [name, *options(letters.settings, names), *arguments])


def redriven(letters: LetterTopics, *arguments: str) -> dict[str, Any]:
    ran = run(letters, "redrive", "--json", *arguments)
    assert ran.exit_code == 0, ran.output
    counts: dict[str, Any] = json.loads(ran.stdout)
    return counts


@pytest.mark.integration
def test_a_closed_pipe_is_not_an_error(letters: LetterTopics) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    arguments = ["list", "--json", *options(letters.settings, SETTINGS)]
    ran = subprocess.run(
        [*PROGRAM, "dead-letters", *arguments],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=100,
    )
    os.close(write_end)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.integration
def test_letters_are_listed_by_reason(letters: LetterTopics) -> None:
    listed = run(letters, "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:3]] == [
        ["3", "1", "wrong-length"],
        ["3", "1", "no-value"],
    ]
    assert all(f"0:{offset}" in listed for offset in range(6))
    lines = [json.loads(line) for line in run(letters, "list", "--json").stdout.splitlines()]
    assert [line["input"]["offset"] for line in lines] == list("012345")


@pytest.mark.integration
def test_letters_are_found_by_reason_sensor_and_time(letters: LetterTopics) -> None:
    def offsets(*arguments: str) -> list[int]:
        ran = run(letters, "list", "--json", *arguments)
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
def test_show_prints_the_whole_letter(letters: LetterTopics) -> None:
    shown = run(letters, "show", "0:3").stdout
    assert "no-value" in shown
    assert "ce_subject: press-1" in shown
    assert "76 61 6c 75 65 20 33" in shown
    value = json.loads(run(letters, "show", "0:3", "--json").stdout)["value"]
    assert base64.b64decode(value) == b"value 3"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("position", "status", "message"),
    [
        ("0:99", 1, "holds no letter at 0:99; partition 0 holds the offsets from 0 to 5"),
        ("7:0", 1, "has no partition 7"),
        ("seven", 2, "expected PARTITION:OFFSET such as 0:17; got 'seven'"),
    ],
)
def test_a_missing_letter(letters: LetterTopics, position: str, status: int, message: str) -> None:
    ran = run(letters, "show", position)
    assert ran.exit_code == status
    assert message in ran.stderr


@pytest.mark.integration
def test_without_execute_nothing_is_sent(letters: LetterTopics) -> None:
    counts = redriven(letters)
    assert (counts["executed"], counts["sent"], counts["would_send"]) == (False, 6, 6)
    assert "Nothing was sent" in run(letters, "redrive").stdout
    assert letters.windows() == []


@pytest.mark.integration
def test_a_letter_redriven_twice_is_sent_once(letters: LetterTopics) -> None:
    counts = redriven(letters, "--execute")
    assert (counts["sent"], counts["would_send"]) == (6, 0)
    assert counts["by_reason"] == {"wrong-length": 3, "no-value": 3}
    assert letters.values() == [b"value %d" % i for i in range(6)]
    for value, headers in letters.windows():
        assert headers["bearing-redrives"] == b"1"
        assert headers["ce_id"] == (value or b"")[-1:]
        assert [name for name in headers if name.startswith("__connect")] == []

    counts = redriven(letters, "--execute")
    assert (counts["sent"], counts["already"]) == (0, 6)
    assert len(letters.windows()) == 6


@pytest.mark.integration
def test_one_reason_can_be_redriven_first_and_the_others_later(letters: LetterTopics) -> None:
    assert redriven(letters, "--execute", "--reason=no-value", "--limit=2")["sent"] == 2
    assert letters.values() == [b"value 1", b"value 3"]
    counts = redriven(letters, "--execute")
    assert (counts["sent"], counts["already"]) == (4, 2)
    assert letters.values() == [b"value %d" % i for i in range(6)]


@pytest.mark.integration
def test_a_letter_with_too_many_redrives_is_skipped(letters: LetterTopics) -> None:
    topic = letters.topics.windows
    letters.add_letters(
        letter(original(6, bearing_redrives="2"), topic),
        letter(original(7, bearing_redrives="3"), topic),
        letter(original(8, bearing_redrives="often"), topic),
    )
    counts = redriven(letters, "--execute", "--max-redrives=3")
    assert (counts["sent"], counts["capped"]) == (7, 2)
    assert [headers["bearing-redrives"] for _, headers in letters.windows()] == [b"1"] * 6 + [b"3"]


@pytest.mark.integration
def test_a_letter_of_another_windows_topic_is_skipped(letters: LetterTopics) -> None:
    letters.add_letters(letter(original(6), "another"), original(7))
    counts = redriven(letters, "--execute")
    assert (counts["sent"], counts["elsewhere"]) == (6, 2)


@pytest.mark.integration
def test_a_stub_is_listed_and_not_redriven(letters: LetterTopics) -> None:
    windows = letters.topics.windows
    stub = DeadLetter(windows, 0, 6, RejectionReason.WRONG_LENGTH, "long", original(6)).stub("g")
    reason = RejectionReason.UNREADABLE_BATCH
    batch = DeadLetter(windows, 0, 9, reason, "7 to 9", Message(None, None, [])).message("g")
    letters.add_letters(stub, batch)
    [listed] = run(letters, "list", "--json", "--reason=too-large").stdout.splitlines()
    assert (json.loads(listed)["stub"], json.loads(listed)["bytes"]) == (True, 7)
    counts = redriven(letters, "--execute")
    assert (counts["sent"], counts["stubs"]) == (6, 2)


@pytest.mark.integration
def test_a_letter_of_a_clock_ahead_is_found_by_its_time(letters: LetterTopics) -> None:
    """The letter itself is stamped now, before `--since`."""
    ahead = datetime.now(UTC) + timedelta(days=300)
    stamped = original(6)._replace(timestamp=round(ahead.timestamp() * 1000))
    letters.add_letters(letter(stamped, letters.topics.windows))
    since = (ahead - timedelta(hours=1)).isoformat()
    [listed] = run(letters, "list", "--json", f"--since={since}").stdout.splitlines()
    assert json.loads(listed)["offset"] == 6


@pytest.mark.integration
def test_a_fenced_redrive_sends_nothing_more(
    letters: LetterTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(RedriveSettings, letters.settings)
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
    assert letters.values() == [b"value %d" % i for i in range(6)]


@pytest.mark.integration
def test_a_refused_message_aborts_its_transaction(letters: LetterTopics) -> None:
    small = f"{letters.topics.windows}-small"
    connection = {"bootstrap.servers": letters.topics.servers}
    create_topics(connection, {small: 1}, 1, {"max.message.bytes": "2000"})
    noise = np.random.default_rng(0).bytes(4000)
    letters.add_letters(
        letter(original(6), small), letter(original(7)._replace(value=noise), small)
    )

    ran = run(letters, "redrive", "--execute", f"--windows-topic={small}")

    assert ran.exit_code == 1
    assert "raise max.message.bytes of the topic" in ran.stderr
    assert "0 were redriven" in ran.stderr
    assert read_to_end(letters.topics.servers, small) == []
    assert redriven(letters, f"--windows-topic={small}")["sent"] == 2


@pytest.mark.integration
def test_a_missing_windows_topic_is_named(letters: LetterTopics) -> None:
    ran = run(letters, "redrive", "--execute", "--windows-topic=nowhere", "--startup-timeout=0")
    assert ran.exit_code == 1
    assert "has no topic 'nowhere'" in ran.stderr


@pytest.mark.integration
def test_a_group_of_another_application_is_refused(letters: LetterTopics) -> None:
    group = f"{letters.settings['redrive_group']}-0"
    other = Consumer({"bootstrap.servers": letters.topics.servers, "group.id": group})
    other.commit(offsets=[TopicPartition(letters.topics.dead_letters, 0, 3)], asynchronous=False)
    other.close()

    ran = run(letters, "redrive", "--execute")

    assert ran.exit_code == 1
    assert f"the group '{group}' has offsets" in ran.stderr
    assert letters.windows() == []


@pytest.mark.integration
def test_originals_go_to_the_partition_that_java_clients_choose(broker: Broker) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=5)
    letters = LetterTopics(topics)
    letters.add_letters(*(letter(original(i, f"press-{i}"), topics.windows) for i in range(20)))
    assert redriven(letters, "--execute")["sent"] == 20
    for message in read_to_end(topics.servers, topics.windows):
        assert message.partition() == java_partition(message.key() or b"", 5)
    delete_topics(topics)


@pytest.mark.integration
def test_a_redriven_window_is_consumed_again(broker: Broker) -> None:
    """A malformed window is rejected again, up to the maximum; `verify` finds no violation."""
    topics = new_topics(broker.bootstrap_servers)
    letters = LetterTopics(topics)
    sent = simulate_windows(topics, 200, malformed=0.1)
    malformed = sent - 200

    settings = VerifySettings.model_validate(topics.settings | {"settle": 30.0})
    with ConsumerProcess(topics) as consumer:
        for rounds in range(2):
            assert verify(settings).dead_letters == malformed * (rounds + 1)
            assert redriven(letters, "--execute", "--max-redrives=2")["sent"] == malformed
        report = verify(settings)
        counts = redriven(letters, "--execute", "--max-redrives=2")
        consumer.stop()
    delete_topics(topics)

    assert (counts["sent"], counts["capped"], counts["already"]) == (0, malformed, 2 * malformed)
    assert report.wrong == {}
    assert (report.windows, report.dead_letters) == (sent + 2 * malformed, 3 * malformed)
