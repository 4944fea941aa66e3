"""What the consumer finds out about its topics before it puts its parts together."""

from typing import Any

import pytest

from consumer import service
from consumer.assembly import Cluster
from consumer.parts import Parts
from consumer.reloading import ReloadingAssessor
from consumer.service import Service
from consumer.settings import ConsumerSettings

SETTINGS = ConsumerSettings()


class Stopped(Exception):  # noqa: N818
    """The parts were to be put together."""


class Start:
    """Stubs of all that a start asks of a cluster."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits = 0
        self.replicas: list[str] = []
        self.assembled: Cluster | None = None
        for name, stub in {
            "wait_for_topics": self._wait,
            "create_topics": lambda *_, **__: None,
            "admin_client": lambda *_: None,
            "largest_message": lambda *_: 1_000,
            "single_replica": lambda *_: self.replicas,
            "assemble": self._assemble,
        }.items():
            monkeypatch.setattr(service, name, stub)
        monkeypatch.setattr(ReloadingAssessor, "of", lambda _settings: None)

    def run(self) -> None:
        with pytest.raises(Stopped):
            Service(SETTINGS).run()

    def _wait(self, *_: Any, **__: Any) -> None:
        self.waits += 1

    def _assemble(self, settings: ConsumerSettings, cluster: Cluster, *_: Any) -> Parts:
        assert settings is SETTINGS
        self.assembled = cluster
        raise Stopped


@pytest.mark.parametrize("replicas", [[], ["bearing.dead-letters"], ["__consumer_offsets"]])
def test_the_output_is_read_only_where_something_has_a_single_replica(
    monkeypatch: pytest.MonkeyPatch, replicas: list[str]
) -> None:
    start = Start(monkeypatch)
    start.replicas = replicas
    start.run()
    assert start.assembled is not None
    outputs = {SETTINGS.diagnoses_topic, SETTINGS.dead_letters_topic} if replicas else set()
    assert start.assembled.unreplicated == outputs
    assert start.assembled.letter_limit == 1_000
    # Reading them needs a right that writing them does not.
    assert start.waits == (2 if replicas else 1)
