import uuid

import numpy as np
import pytest
from confluent_kafka import Producer

from bearing_stream.commands.demo.account import account
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, create_topics
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from bearing_stream.wire import Message, ModelInfo, Window, encode_window
from consumer.batch import Batch
from consumer.results import Inference, diagnoses
from model.assessment import Assessment
from model.indicators import indicators
from tests.bearing_stream.commands.demo.noise import windows
from tests.brokers import Broker
from tests.kafka_in_memory.polled import Polled

BALL = FAULT_LABELS.index("Ball")


@pytest.fixture
def topics(broker: Broker) -> TopicSettings:
    name = uuid.uuid4().hex
    settings = load(
        TopicSettings,
        {
            "bootstrap_servers": broker.bootstrap_servers,
            "windows_topic": f"{name}-windows",
            "diagnoses_topic": f"{name}-diagnoses",
            "dead_letters_topic": f"{name}-dead",
        },
    )
    names = [settings.windows_topic, settings.diagnoses_topic, settings.dead_letters_topic]
    create_topics(settings.client_properties(), dict.fromkeys(names, 1))
    return settings


def produce(topics: TopicSettings, topic: str, messages: list[Message]) -> None:
    producer = Producer(topics.client_properties())
    for message in messages:
        producer.produce(topic, key=message.key, value=message.value, headers=list(message.headers))
    assert producer.flush(30) == 0


def diagnose_all(sent: list[Window], topic: str, predicted: int) -> list[Message]:
    """Return a diagnosis of each window, encoded by the consumer, all with one prediction."""
    batch = Batch(len(sent), 1.0)
    for offset, window in enumerate(sent):
        batch.add(Polled(encode_window(window), 0, offset, topic_name=topic), now=0.0)
    probabilities = np.zeros((len(sent), len(FAULT_LABELS)), np.float32)
    probabilities[:, predicted] = 1
    assessment = Assessment(
        probabilities,
        np.zeros(len(sent), np.float32),
        np.zeros((len(sent), len(QUALITY_FLAGS)), bool),
    )
    model = ModelInfo(name="n", version="v", device="cpu")
    measured = indicators(batch.samples)
    inference = Inference(assessment, measured, len(batch.samples), 0.0, 0.0, model)
    return list(diagnoses(batch, inference, 0.0))


@pytest.mark.integration
def test_a_lost_window_and_a_repeated_diagnosis_are_found(topics: TopicSettings) -> None:
    sent = windows(5, label="Ball")
    made = diagnose_all(sent, topics.windows_topic, BALL)
    produce(topics, topics.windows_topic, [encode_window(window) for window in sent])
    produce(topics, topics.diagnoses_topic, [*made[:4], made[2], made[2]])

    found = account(topics, {})

    assert (found.sent, found.diagnosed, found.lost, found.duplicated) == (5, 6, 1, 2)


@pytest.mark.integration
def test_agreement_is_with_the_label_in_the_windows(topics: TopicSettings) -> None:
    sent = windows(2, label="Ball") + windows(3, label="Normal") + windows(4, label=None)
    produce(topics, topics.windows_topic, [encode_window(window) for window in sent])
    produce(topics, topics.diagnoses_topic, diagnose_all(sent, topics.windows_topic, BALL))

    found = account(topics, {})

    assert found.agreement("Ball").share == 1.0
    assert found.agreement("Normal").share == 0.0
    assert found.agreement("InnerRace").share is None
    assert found.agreement().share == 2 / 5
    assert (found.lost, found.duplicated) == (0, 0)
