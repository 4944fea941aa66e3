"""A topic that the cluster does not describe is reported with the reason."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bearing_stream.kafka import FatalKafkaError, startup, wait_for_topics

SERVERS = {"bootstrap.servers": "broker:9092"}


class Admin:
    """An admin client that gives one error for every topic."""

    def __init__(self, code: int) -> None:
        self._code = code

    def list_topics(self, timeout: float) -> Any:  # noqa: ARG002
        return SimpleNamespace(topics={"windows": None})

    def describe_topics(self, names: Any, **_: Any) -> dict[str, Future[Any]]:
        futures = {}
        for name in names.topic_names:
            futures[name] = Future[Any]()
            futures[name].set_exception(KafkaException(KafkaError(self._code, "as given")))
        return futures

    def poll(self, seconds: float) -> None: ...


def wait(monkeypatch: pytest.MonkeyPatch, code: int) -> str:
    monkeypatch.setattr(startup, "admin_client", lambda *_: Admin(code))
    with pytest.raises(FatalKafkaError) as caught:
        wait_for_topics(SERVERS, ["windows"], 0, print)
    return str(caught.value)


def test_only_an_unknown_topic_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no topic 'windows'" in wait(monkeypatch, KafkaError.UNKNOWN_TOPIC_OR_PART)


@pytest.mark.parametrize("code", [KafkaError.LEADER_NOT_AVAILABLE, KafkaError.INVALID_REQUEST])
def test_another_error_is_reported_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    line = wait(monkeypatch, code)
    assert "cannot describe topic 'windows'" in line
    assert "as given" in line
    assert "no topic" not in line


def test_a_fatal_error_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    line = wait(monkeypatch, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
    assert "grant it on Cluster" in line
    assert "waited" not in line
