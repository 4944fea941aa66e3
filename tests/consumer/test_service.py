"""The service starts, feeds and calls what watches over it, and closes its parts in order."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer import service
from consumer.assembly import Cluster, Parts
from consumer.liveness.budget import Budget
from consumer.reloading import ReloadingAssessor
from consumer.service import Service
from consumer.settings import ConsumerSettings

ROUNDS = 3
SETTINGS = ConsumerSettings(transaction_timeout=20)


class Stage:
    """Stubs of all that `Service.run` puts together; notes their calls in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.limit = 0.0
        self.replicas: list[str] = []
        self.assembled: Cluster | None = None
        self.is_stalled = False
        self.registers = True
        self.in_round: Callable[[int], None] = lambda _: None
        for name, stub in {
            "wait_for_topics": lambda *_, **__: self.note("wait"),
            "create_topics": lambda *_, **__: None,
            "admin_client": lambda *_: None,
            "largest_message": lambda *_: 1_000,
            "single_replica": lambda *_: self.replicas,
            "assemble": self._assemble,
            "Watchdog": self._watchdog,
            "StallCheck": self._stall_check,
            "ClusterEnds": lambda *_: None,
            "PartitionWatch": lambda *_: Part(self, "partitions"),
        }.items():
            monkeypatch.setattr(service, name, stub)
        monkeypatch.setattr(ReloadingAssessor, "of", lambda _settings: self)
        self.service = Service(SETTINGS)

    # Of the assessor.
    name, version, device, backend = "stub", "0", "cpu", "native"

    def note(self, call: str) -> None:
        self.calls.append(call)

    def _watchdog(self, limit: float) -> "Part":
        self.limit = limit
        return Part(self, "watchdog")

    def _stall_check(self, source: Any, _find: Any) -> "Part":
        assert source.name == "source"
        return Part(self, "stall")

    def _assemble(self, settings: ConsumerSettings, cluster: Cluster, *_: Any) -> Parts:
        assert settings is SETTINGS
        self.assembled = cluster
        parts: Any = [Part(self, name) for name in ("source", "delivery", "pipeline")]
        return Parts(*parts)


class Part:
    """Anything that notes its calls as `name.method`."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage, self.name = stage, name
        self.positions: dict[object, int] = {}

    def start(self, *_: Any) -> None:
        self._stage.note(f"{self.name}.start")
        if self.name == "delivery" and not self._stage.registers:
            raise TransientKafkaError("no response")

    def feed(self) -> None:
        self._stage.note(f"{self.name}.feed")

    def check(self) -> None:
        self._stage.note(f"{self.name}.check")
        if self._stage.is_stalled:
            raise FatalKafkaError("stuck")

    def subscribe(self, listener: "Part") -> None:
        assert listener.name == "pipeline"
        self._stage.note(f"{self.name}.subscribe")

    def close(self) -> None:
        self._stage.note(f"{self.name}.close")

    def stop(self) -> None:
        self._stage.note(f"{self.name}.stop")

    def run(self, each_round: Callable[[], None]) -> None:
        for number in range(ROUNDS):
            self._stage.in_round(number)
            each_round()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_starts_the_watchdog_and_feeds_it_and_checks_for_stalls_in_every_round(
    stage: Stage,
) -> None:
    stage.service.run()
    assert stage.calls[-(6 + 3 * ROUNDS) :] == [
        "delivery.start",
        "source.subscribe",
        "watchdog.start",
        *["watchdog.feed", "stall.check", "partitions.check"] * ROUNDS,
        "delivery.close",
        "source.close",
        "watchdog.stop",
    ]
    assert stage.limit == Budget.of(SETTINGS).watchdog


def test_a_stalled_client_ends_the_run_and_the_parts_are_closed(stage: Stage) -> None:
    stage.is_stalled = True
    with pytest.raises(FatalKafkaError, match="stuck"):
        stage.service.run()
    assert stage.calls.count("watchdog.feed") == 1
    assert stage.calls[-3:] == ["delivery.close", "source.close", "watchdog.stop"]


def test_a_fatal_error_that_a_client_reports_ends_the_run(stage: Stage) -> None:
    def fails(number: int) -> None:
        if number == 1:
            stage.service._errors(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    stage.in_round = fails
    with pytest.raises(FatalKafkaError, match="may not use the topic"):
        stage.service.run()
    assert stage.calls.count("watchdog.feed") == 2


def test_who_cannot_register_does_not_join(stage: Stage) -> None:
    stage.registers = False
    with pytest.raises(FatalKafkaError, match="does not register the transactional id"):
        stage.service.run()
    assert "source.subscribe" not in stage.calls
    assert stage.calls[-3:] == ["delivery.close", "source.close", "watchdog.stop"]


@pytest.mark.parametrize("replicas", [[], ["bearing.dead-letters"], ["__consumer_offsets"]])
def test_the_output_is_read_only_where_something_has_a_single_replica(
    stage: Stage, replicas: list[str]
) -> None:
    stage.replicas = replicas
    stage.service.run()
    assert stage.assembled is not None
    outputs = {SETTINGS.diagnoses_topic, SETTINGS.dead_letters_topic} if replicas else set()
    assert stage.assembled.unreplicated == outputs
    assert stage.assembled.letter_limit == 1_000
    # Reading them needs a right that writing them does not.
    assert stage.calls.count("wait") == (2 if replicas else 1)


def test_stopping_before_anything_runs_leaves_nothing_to_finish(stage: Stage) -> None:
    assert not stage.service.stop()
    stage.service.run()
    assert "watchdog.start" not in stage.calls
    assert stage.service.stop()
    assert stage.calls[-1] == "pipeline.stop"
