"""A broker that calls itself what this machine cannot reach is reported as that."""

from collections.abc import Iterator, Sequence

import pytest

from bearing_stream.kafka import FatalKafkaError, wait_for_topics
from bearing_stream.local_kafka import LocalKafka
from bearing_stream.local_kafka.broker_process import BrokerProcess
from bearing_stream.local_kafka.configuration import Broker
from bearing_stream.local_kafka.ports import free_ports
from tests.kafka_tools import eventually

pytestmark = pytest.mark.integration


class MisnamedKafka(LocalKafka):
    """A broker with a wrong `advertised.listeners`."""

    def __init__(self, address: str) -> None:
        super().__init__(heap="256m")
        self._address = address

    def _all_properties(self, broker: Broker, brokers: Sequence[Broker]) -> dict[str, str]:
        listeners = f"CLIENT://{self._address},BROKER://127.0.0.1:{broker.broker_port}"
        return super()._all_properties(broker, brokers) | {"advertised.listeners": listeners}

    def _await_ready(self, processes: Sequence[BrokerProcess]) -> None:
        """Clients cannot find out when it is ready."""


@pytest.fixture(params=["nowhere.invalid", "127.0.0.1"])
def misnamed(request: pytest.FixtureRequest) -> Iterator[tuple[MisnamedKafka, str]]:
    address = f"{request.param}:{free_ports(1)[0]}"
    with MisnamedKafka(address) as kafka:
        yield kafka, address


def test_both_names_are_reported(misnamed: tuple[MisnamedKafka, str]) -> None:
    kafka, address = misnamed
    expected = (
        f"the broker at {kafka.bootstrap_servers} responds, and calls itself {address}, which "
        f"cannot be {'resolved' if 'invalid' in address else 'reached'}"
    )

    def reported() -> bool:
        with pytest.raises(FatalKafkaError) as caught:
            wait_for_topics(kafka.client_properties, ["windows"], 0, print)
        return expected in str(caught.value) and "advertised.listeners" in str(caught.value)

    eventually(reported, "the broker to start")
