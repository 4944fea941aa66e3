"""`bearing-stream watch` on a real Kafka: it prints committed diagnoses and nothing else."""

import json
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from bearing_stream.commands.watch.command import command, follow, print_lines
from bearing_stream.commands.watch.reader import DiagnosisReader
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.kafka import create_topics, following, startup, wait_for_topics
from bearing_stream.local_kafka import LocalKafka
from bearing_stream.program import PROGRAM
from bearing_stream.wire import Diagnosis
from tests.bearing_stream.commands.watch.examples import message

SECONDS = 60
"""Timeout of a command; it takes two or three seconds."""


@pytest.fixture
def topic(broker: Any) -> str:
    """Create a topic with two partitions."""
    return new_topic(broker.bootstrap_servers)


def new_topic(servers: str) -> str:
    name = f"diagnoses-{uuid.uuid4()}"
    create_topics({"bootstrap.servers": servers}, {name: 2})
    wait_for_topics({"bootstrap.servers": servers}, [name], SECONDS, print)
    return name


def send(producer: Producer, topic: str, windows: Sequence[str], partition: int = 0) -> None:
    for window in windows:
        made = message(window)
        headers: Any = made.headers
        producer.produce(topic, made.value, made.key, partition, headers=headers)
    producer.flush()


def produce(servers: str, topic: str, windows: Sequence[str], partition: int = 0) -> None:
    send(Producer({"bootstrap.servers": servers}), topic, windows, partition)


def arguments(servers: str, topic: str, *more: str) -> list[str]:
    return ["--bootstrap-servers", servers, "--diagnoses-topic", topic, *more]


def run(servers: str, topic: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "watch", *arguments(servers, topic, *more)],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )


@contextmanager
def running(servers: str, topic: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*PROGRAM, "watch", *arguments(servers, topic, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        try:
            yield watch
        finally:
            watch.kill()


def settings(servers: str, topic: str, **more: Any) -> WatchSettings:
    return WatchSettings(bootstrap_servers=servers, diagnoses_topic=topic, **more)


@pytest.mark.integration
def test_json_is_exactly_the_committed_diagnoses(broker: Any, topic: str) -> None:
    servers = broker.bootstrap_servers
    producer = Producer({"bootstrap.servers": servers, "transactional.id": topic})
    producer.init_transactions()
    for windows, ending in (("abc", "commit"), ("xyz", "abort"), ("de", "commit")):
        producer.begin_transaction()
        send(producer, topic, windows)
        send(producer, topic, [window * 2 for window in windows], partition=1)
        getattr(producer, f"{ending}_transaction")()
    plain = Producer({"bootstrap.servers": servers})
    plain.produce(topic, b"no diagnosis")
    plain.flush()

    watch = run(servers, topic, "--json", "--from-beginning", "--until-idle", "2")
    lines = [json.loads(line) for line in watch.stdout.splitlines()]
    ids = [line.pop("ce_id") for line in lines]
    assert [identity for identity in ids if len(identity) == 1] == list("abcde")
    assert [identity for identity in ids if len(identity) == 2] == ["aa", "bb", "cc", "dd", "ee"]
    assert len(ids) == 10
    assert [Diagnosis.model_validate(line).window_id for line in lines] == ids
    assert watch.stderr == "messages that are not diagnoses: 1\n"


@pytest.mark.integration
def test_it_stops_at_the_limit(broker: Any, topic: str) -> None:
    produce(broker.bootstrap_servers, topic, "abcdef")
    watch = run(broker.bootstrap_servers, topic, "--json", "--from-beginning", "--limit", "4")
    assert [json.loads(line)["ce_id"] for line in watch.stdout.splitlines()] == list("abcd")


@pytest.mark.integration
def test_the_last_table_is_written_to_a_pipe(broker: Any, topic: str) -> None:
    produce(broker.bootstrap_servers, topic, [str(window) for window in range(30)])
    watch = run(broker.bootstrap_servers, topic, "--from-beginning", "--limit", "30")
    assert "press-1" in watch.stdout
    assert "30 diagnoses" in watch.stdout
    assert "\x1b" not in watch.stdout


@pytest.mark.integration
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_terminal_shows_any_sensor(broker: Any, topic: str, encoding: str) -> None:
    produce(broker.bootstrap_servers, topic, ["\u00fcber-\u6d4b-1"])
    outputs = []
    for form in ([], ["--json"]):
        ran = subprocess.run(
            [
                *(*PROGRAM, "watch", *form, "--from-beginning", "--limit=1"),
                *arguments(broker.bootstrap_servers, topic),
            ],
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": encoding},
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        outputs.append(ran.stdout.decode(encoding))
    assert "press-1" in outputs[0]
    assert json.loads(outputs[1])["ce_id"] == "\u00fcber-\u6d4b-1"


@pytest.mark.integration
def test_it_starts_with_the_next_diagnosis_and_ctrl_c_ends_it_with_status_0(
    broker: Any, topic: str
) -> None:
    servers = broker.bootstrap_servers
    produce(servers, topic, ["old"])
    with running(servers, topic, "--json") as watch:
        first = first_line(watch, servers, topic)
        assert json.loads(first)["ce_id"].startswith("new")
        watch.send_signal(signal.SIGINT)
        rest, errors = watch.communicate(timeout=SECONDS)
        assert "old" not in rest
        assert (watch.returncode, errors) == (0, "")


@pytest.mark.integration
def test_a_closed_pipe_ends_it_quietly(broker: Any, topic: str) -> None:
    servers = broker.bootstrap_servers
    with running(servers, topic, "--json") as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        first_line(watch, servers, topic)
        watch.stdout.close()
        for number in range(5 * SECONDS):
            produce(servers, topic, [f"more-{number}"])
            if watch.poll() is not None:
                break
        assert watch.wait(timeout=SECONDS) == 0
        assert watch.stderr.read() == ""


@pytest.mark.integration
def test_a_closed_pipe_ends_it_while_no_diagnosis_arrives(broker: Any, topic: str) -> None:
    produce(broker.bootstrap_servers, topic, "ab")
    with running(broker.bootstrap_servers, topic, "--json", "--from-beginning") as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(timeout=SECONDS) == 0
        assert watch.stderr.read() == ""


@pytest.mark.integration
def test_ctrl_c_ends_it_in_the_background_of_a_script(broker: Any, topic: str) -> None:
    produce(broker.bootstrap_servers, topic, "a")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with running(broker.bootstrap_servers, topic, "--json", "--from-beginning") as watch:
            assert watch.stdout is not None
            assert watch.stdout.readline()
            watch.send_signal(signal.SIGINT)
            assert watch.wait(timeout=SECONDS) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def first_line(watch: subprocess.Popen[str], servers: str, topic: str) -> str:
    """Produce until the command has printed a line; only the command knows where it started."""
    assert watch.stdout is not None
    with ThreadPoolExecutor(1) as pool:
        line = pool.submit(watch.stdout.readline)
        for number in range(5 * SECONDS):
            produce(servers, topic, [f"new-{number}"])
            if wait([line], timeout=0.2).done:
                break
        else:
            watch.kill()
        return line.result()


@pytest.mark.integration
def test_it_creates_no_group(broker: Any, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    produce(broker.bootstrap_servers, topic, "a")
    run(broker.bootstrap_servers, topic, "--json", "--from-beginning", "--limit", "1")
    groups = admin.list_consumer_groups().result().valid
    assert not [group for group in groups if "watch" in group.group_id]


@pytest.mark.integration
def test_added_partitions_are_read_from_their_beginning(
    broker: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "METADATA_INTERVAL", 0.1)
    servers = broker.bootstrap_servers
    with DiagnosisReader(settings(servers, topic)) as reader:
        reader.read()
        admin = AdminClient({"bootstrap.servers": servers})
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result()
        produce(servers, topic, "abc", partition=2)
        batches = follow(reader, settings(servers, topic, limit=3))
        assert [received.id for batch in batches for received in batch] == list("abc")


@pytest.mark.integration
def test_a_client_that_has_stopped_fetching_is_replaced(
    broker: Any, topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "STALL_TIMEOUT", 1.0)
    monkeypatch.setattr("bearing_stream.commands.watch.command._is_closed", lambda _: False)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    servers = broker.bootstrap_servers
    produce(servers, topic, ["old"])
    watching = settings(servers, topic, limit=4)
    with DiagnosisReader(watching) as reader:
        reader.read()
        produce(servers, topic, "ab")
        assert [r.id for batch in islice(follow(reader, watching), 20) for r in batch] == ["a", "b"]
        stop_fetching(reader, topic)
        produce(servers, topic, "cd")
        produce(servers, topic, "ef", partition=1)
        print_lines(reader, watching)
        assert reader.stalls == 1
    printed = capsys.readouterr()
    assert sorted(json.loads(line)["ce_id"] for line in printed.out.splitlines()) == list("cdef")
    assert printed.err.count("had stopped fetching") == 1


@pytest.mark.integration
def test_aborted_transactions_are_no_stall(
    broker: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "STALL_TIMEOUT", 0.5)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions()
    watching = settings(broker.bootstrap_servers, topic, limit=1)
    with DiagnosisReader(watching) as reader:
        reader.read()
        producer.begin_transaction()
        send(producer, topic, "xyz")
        producer.abort_transaction()
        first = reader._follower._consumer
        assert not any(islice(follow(reader, watching), 8))
        second = reader._follower._consumer
        assert second is not first
        assert not any(islice(follow(reader, watching), 8))
        assert reader._follower._consumer is second
        producer.begin_transaction()
        send(producer, topic, "a")
        producer.commit_transaction()
        assert [r.id for batch in follow(reader, watching) for r in batch] == ["a"]
        assert reader.stalls == 0


def stop_fetching(reader: DiagnosisReader, topic: str) -> None:
    reader._follower._consumer.pause([TopicPartition(topic, partition) for partition in range(2)])


@pytest.mark.integration
def test_a_lost_broker_is_reported_and_reading_resumes_when_it_is_back() -> None:
    with LocalKafka() as kafka:
        topic = new_topic(kafka.bootstrap_servers)
        produce(kafka.bootstrap_servers, topic, "ab")
        watching = settings(kafka.bootstrap_servers, topic, from_beginning=True, limit=2)
        with DiagnosisReader(watching) as reader:
            assert [r.id for batch in follow(reader, watching) for r in batch] == ["a", "b"]
            kafka.kill()
            next(() for _ in follow(reader, watching) if reader.connection_error)
            kafka.start()
            produce(kafka.bootstrap_servers, topic, "cd")
            assert [r.id for batch in follow(reader, watching) for r in batch] == ["c", "d"]
            next(() for _ in follow(reader, watching) if not reader.connection_error)


@pytest.fixture
def closed_address() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_no_broker_is_one_line_and_status_1(
    closed_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "CHECK_TIMEOUT", 0.3)
    ran = CliRunner().invoke(command, arguments(closed_address, "t", "--startup-timeout", "0"))
    assert ran.exit_code == 1
    assert ran.output.startswith(f"Error: no Kafka broker responds at {closed_address}")
    assert ran.output.count("\n") == 1


def test_idle_time_does_not_count_while_kafka_is_unreachable(
    closed_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "METADATA_TIMEOUT", 0.1)
    idle = settings(closed_address, "t", until_idle=0.01)
    with DiagnosisReader(idle) as reader:
        assert list(islice(follow(reader, idle), 3)) == [[], [], []]
        assert "Connection refused" in reader.connection_error


def test_an_invalid_client_property_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearing_stream.commands.watch.command.wait_for_topics", lambda *_: None)
    ran = CliRunner().invoke(command, ["--kafka", "fetch.min.bytes=many"])
    assert ran.exit_code == 1
    assert "a client property is invalid" in ran.output
    assert "fetch.min.bytes" in ran.output
