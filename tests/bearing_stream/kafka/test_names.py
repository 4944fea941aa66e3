"""Names of topics and groups with which a consumer could not work are refused at the start."""

import subprocess
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from pydantic import ValidationError

from bearing_stream.commands.dead_letters import RedriveSettings
from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings
from bearing_stream.kafka.topics import transactional_name
from bearing_stream.program import PROGRAM
from consumer.settings import ConsumerSettings
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics, delete_topics, new_topics, simulate_windows

FOREIGN = ["Überwachung", "Pumpe\n7", "pump\x7f", "泵"]
PLAIN = ["pump", "press 7", "a:b/c~!|"]


@pytest.mark.parametrize(
    "names",
    [
        {"dead_letters_topic": "bearing.windows"},
        {"diagnoses_topic": "bearing.windows"},
        {"windows_topic": "a", "diagnoses_topic": "b", "dead_letters_topic": "b"},
    ],
)
def test_two_topics_of_one_name_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"must be three different topics; they are '"):
        TopicSettings.model_validate(names)


@pytest.mark.parametrize("setting", ["group", "instance_id"])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_that_no_transaction_commits_is_refused(setting: str, name: str) -> None:
    option = setting.replace("_", "-")
    with pytest.raises(ValidationError, match=rf"--{option}: .*ASCII.*at-least-once"):
        ConsumerSettings.model_validate({setting: name})
    ConsumerSettings.model_validate({setting: name, "guarantee": "at-least-once"})
    with pytest.raises(ValidationError, match="ASCII"):
        RedriveSettings(redrive_group=name)


@pytest.mark.parametrize("name", PLAIN)
def test_printable_names_are_accepted(name: str) -> None:
    settings = ConsumerSettings(group=name, instance_id=name)
    assert (settings.group, settings.instance_id) == (name, name)


def test_the_refusal_is_one_line_and_status_2() -> None:
    ran = subprocess.run(
        [*PROGRAM, "consume", "--group=Überwachung"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "--group: use the letters a-z" in ran.stderr


@pytest.mark.integration
@pytest.mark.parametrize("name", [*FOREIGN, *PLAIN])
def test_the_client_refuses_the_same_names(broker: Any, name: str) -> None:
    """If a later librdkafka accepts them, the check can go."""
    servers = {"bootstrap.servers": broker.bootstrap_servers}
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    consumer = Consumer(servers | {"group.id": name})
    producer = Producer(servers | {"transactional.id": topics.group})
    producer.init_transactions()
    producer.begin_transaction()
    offsets, metadata = [TopicPartition(topics.windows, 0, 0)], consumer.consumer_group_metadata()
    if name in PLAIN:
        producer.send_offsets_to_transaction(offsets, metadata, 30)
        producer.commit_transaction()
        assert transactional_name(name) == name
    else:
        with pytest.raises(KafkaException) as caught:
            producer.send_offsets_to_transaction(offsets, metadata, 30)
        assert caught.value.args[0].code() == KafkaError._BAD_MSG
    consumer.close()
    delete_topics(topics)


@pytest.fixture
def topics(broker: Any) -> Any:
    topics = new_topics(broker.bootstrap_servers)
    yield topics
    delete_topics(topics)


@pytest.mark.integration
def test_at_least_once_works_with_any_name(topics: Topics) -> None:
    sent = simulate_windows(topics, 50)
    arguments = (f"--group={topics.group}-Überwachung", "--guarantee=at-least-once")
    with ConsumerProcess(topics, *arguments) as consumer:
        report = verify(
            load(VerifySettings, topics.settings | {"settle": 30.0, "guarantee": "at-least-once"})
        )
        consumer.stop()
    assert (report.diagnosed, report.wrong) == (sent, {})
