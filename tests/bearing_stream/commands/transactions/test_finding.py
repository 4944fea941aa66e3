"""Which transactions are found, and in which state; and how the other client connects."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bearing_stream.commands.transactions import OpenTransaction, State, TransactionSettings, find
from bearing_stream.commands.transactions.abort import abort
from bearing_stream.commands.transactions.client import connection
from bearing_stream.commands.transactions.finding import ABORTABLE, Coordinated, Place, Producer
from bearing_stream.kafka import FatalKafkaError

NOW = 1_800_000_000.0
"""Seconds since the epoch."""

PLACE = Place("bearing.diagnoses", 0)
OTHER = Place("bearing.dead-letters", 3)


@dataclass
class KnownCluster:
    """A cluster whose responses are given; it records what is searched and marked."""

    open: list[Producer] = field(default_factory=list)
    coordinated: list[Coordinated] = field(default_factory=list)
    searched: tuple[str, ...] = ()
    marked: list[tuple[Place, int]] = field(default_factory=list)

    def producers(self, topics: Iterable[str]) -> list[Producer]:
        self.searched = tuple(topics)
        return self.open

    def transactions(self, producer_ids: Iterable[int]) -> list[Coordinated]:
        ids = set(producer_ids)
        return [each for each in self.coordinated if each.producer_id in ids]

    def write_abort_marker(self, place: Place, transaction: OpenTransaction) -> None:
        self.marked.append((place, transaction.producer_id))


def producer(age: float, place: Place = PLACE, producer_id: int = 7) -> Producer:
    return Producer(place, producer_id, 2, 0, round((NOW - age) * 1000), 40)


def coordinated(age: float, *places: Place, completing: bool = False) -> Coordinated:
    started = round((NOW - age) * 1000)
    return Coordinated("bearing-stream-a", 7, completing, 10.0, started, frozenset(places))


def states(cluster: KnownCluster, **given: Any) -> dict[Place, State]:
    found = find(cluster, TransactionSettings(**given), NOW)
    return {place: each.state for each in found for place in each.offsets}


def test_a_transaction_that_its_coordinator_ends_is_ongoing_with_all_its_partitions() -> None:
    cluster = KnownCluster([producer(90), producer(90, OTHER)], [coordinated(100, PLACE, OTHER)])
    [found] = find(cluster, TransactionSettings(), NOW)
    assert found.state is State.ONGOING
    assert found.age == pytest.approx(100)
    assert found.offsets == {PLACE: 40, OTHER: 40}
    assert found.as_json()["transactional_id"] == "bearing-stream-a"


def test_one_that_is_being_committed_or_aborted_is_left_to_its_coordinator() -> None:
    cluster = KnownCluster([producer(90)], [coordinated(90, PLACE, completing=True)])
    assert states(cluster) == {PLACE: State.COMPLETING}
    assert State.COMPLETING not in ABORTABLE


def test_what_no_coordinator_reports_hangs_once_it_is_old_enough() -> None:
    assert states(KnownCluster([producer(90)])) == {PLACE: State.UNKNOWN}
    assert states(KnownCluster([producer(1300)])) == {PLACE: State.HANGING}
    assert states(KnownCluster([producer(90)]), hanging_after=80) == {PLACE: State.HANGING}


def test_a_partition_that_the_coordinator_has_ended_hangs_though_its_producer_works_on() -> None:
    cluster = KnownCluster([producer(1300), producer(1300, OTHER)], [coordinated(100, OTHER)])
    assert states(cluster) == {PLACE: State.HANGING, OTHER: State.ONGOING}


@given(age=st.floats(0, 3000), limit=st.floats(0.1, 3000))
def test_only_those_open_for_long_enough_are_found(age: float, limit: float) -> None:
    # Timestamps are of milliseconds.
    assume(abs(age - limit) > 0.01)
    found = find(KnownCluster([producer(age)]), TransactionSettings(older_than=limit), NOW)
    assert bool(found) == (age > limit)


def test_the_oldest_comes_first() -> None:
    cluster = KnownCluster([producer(70, producer_id=1), producer(100, producer_id=2)])
    assert [each.producer_id for each in find(cluster, TransactionSettings(), NOW)] == [2, 1]


@pytest.mark.parametrize("offsets", [False, True])
def test_all_our_topics_are_searched_and_the_offsets_where_asked(offsets: bool) -> None:
    cluster = KnownCluster()
    find(cluster, TransactionSettings(offsets=offsets), NOW)
    assert set(cluster.searched) == {
        *("bearing.windows", "bearing.diagnoses", "bearing.dead-letters"),
        *(["__consumer_offsets"] if offsets else []),
    }


@pytest.mark.parametrize("state", [State.COMPLETING, State.UNKNOWN])
def test_what_its_coordinator_ends_is_never_aborted(state: State) -> None:
    cluster = KnownCluster()
    transaction = OpenTransaction(state, 7, 2, 0, 90.0, {PLACE: 40}, "bearing-stream-a", 10.0)
    with pytest.raises(ValueError, match=state):
        abort(transaction, cluster, {})
    assert cluster.marked == []


def test_a_login_with_a_password_connects_alike() -> None:
    given = connection(
        {
            "bootstrap.servers": "SASL_PLAINTEXT://a:9092, b:9093",
            "security.protocol": "sasl_plaintext",
            "sasl.mechanisms": "scram-sha-256",
            "sasl.username": "operator",
            "sasl.password": "p",
        }
    )
    assert given == {
        "bootstrap_servers": ["a:9092", "b:9093"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "operator",
        "sasl_plain_password": "p",
    }


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"security.protocol": "SASL_PLAINTEXT"}, "sasl.mechanism GSSAPI"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/no/such.pem"}, "ssl.ca.location"),
        (
            {"security.protocol": "SSL", "ssl.keystore.location": "/a.p12"},
            "ssl.certificate.location",
        ),
        (
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1:1/token",
            },
            "sasl.oauthbearer.client.secret",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(properties: dict[str, str], named: str) -> None:
    with pytest.raises(FatalKafkaError, match=named):
        connection({"bootstrap.servers": "a:9092"} | properties)
