"""A stage starts, feeds and calls what watches over it, and closes its parts in order."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer import stage_service
from consumer.liveness.budget import Budget
from consumer.metrics import Metrics
from consumer.parts import Parts
from consumer.stage_service import StageService
from consumer.stage_settings import StageSettings
from consumer.telemetry.health import Phase
from consumer.telemetry.loop_readings import LoopSources
from consumer.telemetry.stage_telemetry import StageTelemetry

ROUNDS = 3
SETTINGS = StageSettings(transaction_timeout=20)


class Stage(StageService[StageSettings]):
    """A stage of stubs, which note their calls in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.limit = 0.0
        self.is_stalled = False
        self.registers = True
        self.phases: list[Phase] = []
        self.in_round: Callable[[int], None] = lambda _: None
        for name, stub in {
            "Watchdog": self._new_watchdog,
            "StallCheck": self._new_stall_check,
            "ClusterEnds": lambda *_: None,
            "PartitionWatch": lambda *_, **_named: Part(self, "partitions"),
        }.items():
            monkeypatch.setattr(stage_service, name, stub)
        self.telemetry = StageTelemetry(LoopSources(metrics=Metrics()))
        super().__init__(SETTINGS, "in", "out", self.telemetry)

    def reported(self, code: int) -> None:
        """A client reports an error."""
        self._errors(KafkaError(code))

    def note(self, call: str) -> None:
        self.calls.append(call)

    def _await_topics(self) -> None:
        self.phases.append(self.telemetry.health.phase)
        self._note_waiting("no broker")

    def _assemble(self) -> Parts:
        source, delivery, pipeline, admin = map(self._part, ("source", "delivery", "pipeline", ""))
        return Parts(source, delivery, pipeline, admin, [Part(self, "other")])

    def _part(self, name: str) -> Any:
        return Part(self, name)

    def _new_watchdog(self, limit: float) -> "Part":
        self.limit = limit
        return Part(self, "watchdog")

    def _new_stall_check(self, source: Any, _find: Any) -> "Part":
        assert source.name == "source"
        return Part(self, "stall")


class Part:
    """Anything that notes its calls as `name.method`."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage, self.name = stage, name
        self.positions: dict[object, int] = {}
        self.reached: dict[object, int] = {}
        self.awaited: frozenset[object] = frozenset()

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
        self._stage.phases.append(self._stage.telemetry.health.phase)
        for number in range(ROUNDS):
            self._stage.in_round(number)
            each_round()


CLOSED = ["delivery.close", "source.close", "other.close", "watchdog.stop"]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_starts_the_watchdog_and_feeds_it_and_checks_for_stalls_in_every_round(
    stage: Stage,
) -> None:
    stage.run()
    assert stage.calls == [
        "delivery.start",
        "source.subscribe",
        "watchdog.start",
        *["watchdog.feed", "stall.check", "partitions.check"] * ROUNDS,
        *CLOSED,
    ]
    assert stage.limit == Budget.of(SETTINGS).watchdog


def test_its_health_shows_where_it_is(stage: Stage) -> None:
    stage.run()
    assert stage.phases == [Phase.WAITING, Phase.RUNNING]
    assert stage.telemetry.health.waiting_for == "no broker"
    assert stage.telemetry.sources.polled_at > 0
    stage.stop()
    assert stage.telemetry.health.phase is Phase.STOPPING


def test_a_stalled_client_ends_the_run_and_the_parts_are_closed(stage: Stage) -> None:
    stage.is_stalled = True
    with pytest.raises(FatalKafkaError, match="stuck"):
        stage.run()
    assert stage.calls.count("watchdog.feed") == 1
    assert stage.calls[-4:] == CLOSED


def test_a_fatal_error_that_a_client_reports_ends_the_run(stage: Stage) -> None:
    def fails(number: int) -> None:
        if number == 1:
            stage.reported(KafkaError.TOPIC_AUTHORIZATION_FAILED)

    stage.in_round = fails
    with pytest.raises(FatalKafkaError, match="may not use the topic"):
        stage.run()
    assert stage.calls.count("watchdog.feed") == 2


def test_a_transient_error_that_a_client_reports_is_counted(stage: Stage) -> None:
    stage.in_round = lambda _: stage.reported(KafkaError._TRANSPORT)
    stage.run()
    assert stage.metrics.kafka_errors == {"_TRANSPORT": ROUNDS}


def test_who_cannot_register_does_not_join(stage: Stage) -> None:
    stage.registers = False
    with pytest.raises(FatalKafkaError, match="does not register the transactional id"):
        stage.run()
    assert stage.calls == ["delivery.start", *CLOSED]


def test_stopping_before_anything_runs_leaves_nothing_to_finish(stage: Stage) -> None:
    assert not stage.stop()
    stage.run()
    assert "watchdog.start" not in stage.calls
    assert stage.stop()
    assert stage.calls[-1] == "pipeline.stop"
