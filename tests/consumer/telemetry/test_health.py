"""What the probes report in each state."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bearing_stream.kafka import Ends
from consumer.telemetry.health import READY_WITHIN, Health, Loop, Phase
from consumer.telemetry.partitions import Overview, PartitionState

HERE = ("bearing.windows", 3)

OUTPUT = ("bearing.diagnoses", 0)

WELL = Loop(
    seconds_since_round=lambda: 0.0,
    round_limit=60.0,
    joined=lambda: True,
    unresolved=list,
    trouble=lambda: "",
    stall=lambda: "",
    overview=lambda: Overview({HERE: PartitionState(17, 0.0, Ends(20, 20))}),
)

TROUBLES: dict[str, dict[str, Any]] = {
    "the group has assigned nothing to it yet": {"joined": lambda: False},
    "where to begin in partition 3 of 'bearing.windows' is not known yet": {
        "unresolved": lambda: [HERE]
    },
    "partition 3 of 'bearing.windows' stands: its leader does not respond": {
        "unresolved": lambda: [HERE],
        "overview": lambda: Overview(
            stalled={HERE: "partition 3 of 'bearing.windows' stands: its leader does not respond"}
        ),
    },
    "results cannot be delivered: no broker": {"trouble": lambda: "no broker"},
    "Kafka does not respond: timed out": {"overview": lambda: Overview(error="timed out")},
    "the client is stuck": {"stall": lambda: "the client is stuck"},
    "partition 3 stands": {"overview": lambda: Overview(stalled={HERE: "partition 3 stands"})},
    "partition 3 of 'bearing.windows' stands behind a transaction that has been open for 61 s: see "
    "`bearing-stream transactions list`": {
        "overview": lambda: Overview(
            {HERE: PartitionState(17, 0.0, Ends(17, 20))}, undecided={HERE: 61.0, OUTPUT: 700.0}
        )
    },
    "the loop has not finished a round for 16 s": {"seconds_since_round": lambda: 16.0},
}


def running(**changed: Any) -> Health:
    health = Health()
    health.phase, health.loop = Phase.RUNNING, replace(WELL, **changed)
    return health


def ready(health: Health) -> tuple[int, dict[str, Any]]:
    response = health.ready()
    assert health.is_ready() == (response.status == 200)
    assert response.content_type == "application/json"
    return response.status, json.loads(response.body)


def test_a_consumer_that_runs_is_ready_and_shows_its_partitions() -> None:
    status, body = ready(running())
    assert (status, body["status"], body["problems"]) == (200, "ready", [])
    assert body["partitions"] == {"bearing.windows/3": {"position": 17, "lag": 3}}


@pytest.mark.parametrize("problem", TROUBLES)
def test_what_is_wrong_is_named_and_leaves_it_alive(problem: str) -> None:
    health = running(**TROUBLES[problem])
    status, body = ready(health)
    assert (status, body["status"], body["problems"]) == (503, "not ready", [problem])
    assert health.live().status == 200


def test_several_problems_are_all_named() -> None:
    _, body = ready(running(joined=lambda: False, trouble=lambda: "no broker"))
    assert len(body["problems"]) == 2


@pytest.mark.parametrize(
    ("phase", "waiting_for", "problem"),
    [
        (Phase.LOADING, "", "the model is being loaded"),
        (Phase.WAITING, "", "it waits for Kafka: no response yet"),
        (Phase.WAITING, "topic 'a' is missing", "it waits for Kafka: topic 'a' is missing"),
        (Phase.STOPPING, "", "it is stopping"),
    ],
)
def test_before_and_after_it_is_alive_and_not_ready(
    phase: Phase, waiting_for: str, problem: str
) -> None:
    health = Health()
    health.phase, health.waiting_for = phase, waiting_for
    status, body = ready(health)
    assert (status, body["phase"], body["problems"]) == (503, phase, [problem])
    assert health.live().status == 200


def test_a_loop_that_does_not_advance_is_not_alive() -> None:
    assert running(seconds_since_round=lambda: 60.0).live().status == 200
    response = running(seconds_since_round=lambda: 61.0).live()
    assert response.status == 503
    assert json.loads(response.body)["status"] == "the loop has not advanced for 61 s"


def test_a_shutdown_has_a_limit_of_its_own() -> None:
    health = running(seconds_since_round=lambda: 61.0)
    health.phase = Phase.STOPPING
    assert health.live().status == 200


def test_it_is_not_ready_before_it_is_taken_for_hung() -> None:
    assert WELL.round_limit > READY_WITHIN
