"""What the client returns in place of a message: reported, waited for, or fatal."""

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError
from consumer.kafka.client_errors import INCOMPATIBLE_LIMIT, ClientErrors
from tests.consumer.fakes import Clock

INCOMPATIBLE = KafkaError(KafkaError.INCONSISTENT_GROUP_PROTOCOL)


class Harness:
    def __init__(self) -> None:
        self.clock = Clock()
        self.transient: list[KafkaError] = []
        self.errors = ClientErrors("pumps", self.transient.append, self.clock)


def test_a_transient_error_is_reported() -> None:
    harness = Harness()
    harness.errors.handle(KafkaError(KafkaError._TRANSPORT))
    assert [error.code() for error in harness.transient] == [KafkaError._TRANSPORT]


def test_a_group_with_another_assignor_is_waited_for_and_then_fatal() -> None:
    harness = Harness()
    for _ in range(6):
        harness.errors.handle(INCOMPATIBLE)
        harness.clock.sleep(INCOMPATIBLE_LIMIT / 6)
    with pytest.raises(FatalKafkaError, match=r"'pumps'.*another --group.*--group-protocol"):
        harness.errors.handle(INCOMPATIBLE)
    assert len(harness.transient) == 6


def test_a_group_whose_other_members_left_in_time_is_none() -> None:
    harness = Harness()
    harness.errors.handle(INCOMPATIBLE)
    harness.clock.sleep(INCOMPATIBLE_LIMIT)
    harness.errors.note_assigned()
    harness.errors.handle(INCOMPATIBLE)
    assert len(harness.transient) == 2
