"""`bearing-stream verify`: its output and its exit status."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from bearing_stream.commands.verify.command import command
from bearing_stream.program import PROGRAM
from tests.bearing_stream.commands.verify.stream import Stream, dead_letter, tombstone, window
from tests.brokers import Broker
from tests.kafka_tools import delete_topics, new_topics


def run(stream: Stream | None, *arguments: str) -> Result:
    options = [] if stream is None else stream.topics.settings.items()
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options]
    return CliRunner().invoke(command, [*given, *arguments])


@pytest.fixture(scope="module")
def stream(broker: Broker) -> Iterator[Stream]:
    """Three windows, of which the last has no result."""
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    stream = Stream(topics)
    stream.send(window(0), tombstone(1), window(2))
    stream.add_results(but=2)
    yield stream
    delete_topics(topics)


@pytest.mark.integration
def test_a_violation_is_named_and_the_status_is_1(stream: Stream) -> None:
    ran = run(stream, "--settle=0")
    assert ran.exit_code == 1
    assert "1  lost" in ran.stdout
    assert "lost: window 0:2" in ran.stdout


@pytest.mark.integration
def test_json_has_the_same_counts(stream: Stream) -> None:
    ran = run(stream, "--settle=0", "--json")
    assert ran.exit_code == 1
    report = json.loads(ran.stdout)
    assert report["sound"] is False
    assert (report["windows"], report["diagnosed"], report["dead_letters"]) == (3, 1, 1)
    assert (report["lost"], report["duplicated"], report["altered"]) == (1, 0, 0)
    assert report["samples"] == {"lost": [{"window": {"partition": 0, "offset": 2}}]}


@pytest.mark.integration
def test_two_groups_that_publish_to_the_same_topics_are_named(broker: Broker) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    stream = Stream(topics)
    stream.send(tombstone(0))
    for group in ("g8", "[g3]"):
        stream.add_dead_letters(dead_letter(tombstone(0), topics.windows, 0, group=group))
    ran = run(stream, "--settle=0")
    assert ran.exit_code == 1
    assert "from the consumer groups [g3], g8, and each" in " ".join(ran.stdout.split())
    assert json.loads(run(stream, "--settle=0", "--json").stdout)["groups"] == ["[g3]", "g8"]
    delete_topics(topics)


@pytest.mark.integration
def test_an_open_transaction_that_holds_results_back_is_named(broker: Broker) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    stream = Stream(topics)
    stream.send(window(0), window(1))
    stream.add_results(but=1)
    producer = Producer({"bootstrap.servers": topics.servers, "transactional.id": topics.group})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.diagnoses, b"{}")
    assert producer.flush(30) == 0
    ran = run(stream, "--settle=0")
    assert ran.exit_code == 1
    line = " ".join(ran.stdout.split())
    assert f"A transaction is open in '{topics.diagnoses}' from 0:1" in line
    report = json.loads(run(stream, "--settle=0", "--json").stdout)
    assert report["held_back"] == {topics.diagnoses: {"0": 1}}
    producer.abort_transaction(30)
    delete_topics(topics)


@pytest.mark.integration
@pytest.mark.parametrize("more", [["--json"], []])
def test_a_full_disk_is_one_line(stream: Stream, more: list[str]) -> None:
    settings = stream.topics.settings.items()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*PROGRAM, "verify", *options, "--to-offset=0=2", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=100,
        )
    assert ran.returncode == 1
    assert ran.stderr == "Error: standard output cannot be written: No space left on device\n"


@pytest.mark.integration
@pytest.mark.parametrize("more", [["--json"], []])
def test_a_closed_pipe_does_not_change_the_status(stream: Stream, more: list[str]) -> None:
    settings = stream.topics.settings.items()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings]
    for last, status in (("2", 0), ("3", 1)):
        read_end, write_end = os.pipe()
        os.close(read_end)
        ran = subprocess.run(
            [*PROGRAM, "verify", *options, "--settle=0", f"--to-offset=0={last}", *more],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=100,
        )
        os.close(write_end)
        assert (ran.returncode, ran.stderr) == (status, "")


@pytest.mark.integration
def test_without_a_violation_the_status_is_0(stream: Stream) -> None:
    ran = run(stream, "--to-offset=0=2")
    assert ran.exit_code == 0, ran.output
    assert "0  lost" in ran.stdout


@pytest.mark.integration
def test_a_range_beyond_the_end_is_refused(stream: Stream) -> None:
    ran = run(stream, "--from-offset=0=4")
    assert ran.exit_code == 1
    assert "--from-offset 0=4 is beyond the end" in ran.stderr
    assert "3 there" in ran.stderr


@pytest.mark.integration
def test_a_range_without_windows_is_reported_as_not_checked(stream: Stream) -> None:
    ran = run(stream, "--since=2126-01-01T00:00:00Z")
    assert ran.exit_code == 0
    assert "nothing was checked" in ran.stdout


@pytest.mark.integration
def test_a_missing_topic_is_named(stream: Stream) -> None:
    ran = run(stream, "--dead-letters-topic=nowhere", "--startup-timeout=0")
    assert ran.exit_code == 1
    assert "has no topic 'nowhere'" in ran.stderr
    assert "Traceback" not in ran.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since=yesterday",), "--since"),
        (("--since=2026-02-01T00:00:00Z", "--until=2026-01-01T00:00:00Z"), "before --until"),
        (("--since=2026-02-01T00:00:00",), "--since"),
        (("--from-offset=seven",), "--from-offset takes NAME=VALUE"),
        (("--from-offset=0=-1",), "--from-offset"),
        (("--from-offset=0=5", "--to-offset=0=4"), "beyond --to-offset"),
    ],
)
def test_an_invalid_range_is_refused_before_anything_is_read(
    arguments: tuple[str, ...], message: str
) -> None:
    ran = run(None, *arguments)
    assert ran.exit_code == 2
    assert message in ran.stderr
