"""A leader that has changed is noticed once, whatever else happens in the partitions."""

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.kafka import TransientKafkaError
from bearing_stream.local_kafka import LocalKafka
from consumer.delivery.leaders import OutputLeaders
from tests.kafka_tools import eventually

TOPICS = ("diagnoses", "dead-letters")


@pytest.mark.integration
def test_a_broker_that_was_killed_has_changed_them() -> None:
    with LocalKafka() as kafka:
        admin = AdminClient(kafka.client_properties | {"log_level": 0})
        for created in admin.create_topics([NewTopic(topic, 2) for topic in TOPICS]).values():
            created.result(20)
        with pytest.raises(TransientKafkaError, match="no topics none"):
            OutputLeaders(admin, ["none"]).check(10)
        leaders = OutputLeaders(admin, TOPICS)
        # Topics that were created a moment ago may have no leader yet.
        eventually(lambda: _is_unchanged(leaders), "leaders")
        producer = Producer(kafka.client_properties | {"log_level": 0})
        producer.produce(TOPICS[0], b"", partition=1)
        producer.flush()
        leaders.check(10)

        kafka.kill(1)
        with pytest.raises(TransientKafkaError):
            leaders.check(0.1)
        kafka.start(1)
        with pytest.raises(TransientKafkaError):
            leaders.check(10)

        leaders.reset()
        eventually(lambda: _is_unchanged(leaders), "the same leaders")
        leaders.check(10)

        kafka.kill(1)
        kafka.start(1)
        # The client knows the new leader.
        eventually(lambda: bool(admin.list_topics(TOPICS[0], 10)), "the new leader")
        with pytest.raises(TransientKafkaError):
            leaders.check(10)


def _is_unchanged(leaders: OutputLeaders) -> bool:
    try:
        leaders.check(10)
    except TransientKafkaError:
        return False
    return True
