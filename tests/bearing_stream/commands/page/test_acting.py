"""Acknowledging and shelving on the page: who may, what is sent, and what is reported."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from bearing_stream.commands.alarms.acting import command_for
from bearing_stream.commands.page.acting import MAX_WAITING
from bearing_stream.commands.page.app import MAX_BODY
from bearing_stream.commands.page.guard import ACT, COOKIE, proof
from bearing_stream.kafka import AlarmTopicSettings, FatalKafkaError
from bearing_stream.wire.alarm import AlarmEvent, PublishedCommand, encode_command
from bearing_stream.wire.alarm_terms import Action, Transition
from tests.bearing_stream.commands.page.alarm_examples import SHELVED, alarm, result
from tests.bearing_stream.commands.page.serving import application, get

TOKEN = "correct-horse-battery"

BEARER = {"Authorization": f"Bearer {TOKEN}"}

BROWSER = {"Cookie": f"{COOKIE}={proof(TOKEN)}", "Origin": "http://127.0.0.1:8080"}
"""Headers of a browser that has opened the page with its token."""

JSON = {"Content-Type": "application/json"}

ACKNOWLEDGE = {
    "alarm_id": "pump-7:bearing-fault",
    "action": "acknowledge",
    "by": " ann ",
    "reason": "ordered a bearing",
    "severity": "medium",
}


class Sent(NamedTuple):
    command: PublishedCommand
    partition: int


class Stage:
    """Takes commands in place of Kafka, and reports each as carried out, or refused."""

    def __init__(self, detail: str | None = None, silent: bool = False) -> None:
        self.sent: list[Sent] = []
        self._detail = detail
        self._silent = silent

    def __call__(
        self,
        settings: AlarmTopicSettings,
        commands: list[tuple[PublishedCommand, int]],
        timeout: float,
    ) -> list[AlarmEvent]:
        assert settings.alarm_topics.commands == "bearing.alarm-commands"
        assert timeout > 0
        self.sent += [Sent(*each) for each in commands]
        event = Transition.REFUSED if self._detail else Transition.ACKNOWLEDGED
        events = [result(alarm(), command, event, self._detail) for command, _ in commands]
        return [] if self._silent else events


def act(
    headers: Mapping[str, Any],
    stage: Any,
    wish: Mapping[str, Any] | bytes = ACKNOWLEDGE,
    host: str = "127.0.0.1",
    **settings: Any,
) -> httpx.Response:
    """Ask something of an alarm that is displayed."""
    app, shared = application(send=stage, **({"token": TOKEN} | settings))
    shared.alarms.table.put(alarm())
    shared.alarms.table.put(alarm("pump-8", state="shelved", shelved=SHELVED))
    content = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    return asyncio.run(get(app, ACT, {**JSON, **headers}, host, "POST", content))


@pytest.mark.parametrize("headers", [BEARER, BROWSER])
def test_the_command_is_that_of_the_command_line(headers: dict[str, str]) -> None:
    stage = Stage()
    found = act(headers, stage)
    assert (found.status_code, found.json()["outcome"]) == (200, "done")
    [(command, partition)] = stage.sent
    assert found.json()["command_id"] == command.command_id
    expected = command_for(
        alarm(), Action.ACKNOWLEDGE, "ann", "ordered a bearing", command.at
    ).model_copy(update={"command_id": command.command_id})
    assert encode_command(command) == encode_command(expected)
    assert partition == alarm().partition
    assert abs(command.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_severity_is_that_which_the_person_saw() -> None:
    stage = Stage("it is medium now, and the acknowledgement is for low")
    found = act(BEARER, stage, ACKNOWLEDGE | {"severity": "low"})
    assert stage.sent[0].command.severity == "low"
    assert (found.status_code, found.json()["outcome"]) == (409, "refused")
    assert found.json()["detail"] == "it is medium now, and the acknowledgement is for low"


def test_an_alarm_is_shelved_for_a_time_or_until_it_clears_and_unshelved() -> None:
    stage = Stage()
    for more in ({"seconds": 3600}, {"once": True}):
        assert act(BEARER, stage, ACKNOWLEDGE | {"action": "shelve"} | more).status_code == 200
    wish = {"action": "unshelve", "alarm_id": "pump-8:bearing-fault"}
    assert act(BEARER, stage, ACKNOWLEDGE | wish).status_code == 200
    timed, once, unshelve = (each.command for each in stage.sent)
    assert (timed.until, timed.once) == (timed.at + timedelta(hours=1), False)
    assert (once.until, once.once) == (None, True)
    assert unshelve.action == "unshelve"


def test_a_command_without_a_result_is_reported_as_such() -> None:
    found = act(BEARER, Stage(silent=True))
    assert (found.status_code, found.json()["outcome"]) == (202, "pending")
    assert "when `bearing-stream alarms` runs" in found.json()["detail"]


def test_kafka_that_refuses_is_reported() -> None:
    def refuse(*_: object) -> list[AlarmEvent]:
        raise FatalKafkaError("grant WRITE on topic 'bearing.alarm-commands'")

    found = act(BEARER, refuse)
    assert (found.status_code, "grant WRITE" in found.json()["detail"]) == (503, True)


def test_without_a_token_nobody_may_act() -> None:
    stage = Stage()
    found = act(BEARER, stage, token=None)
    assert found.status_code == 403
    assert "start the page with --token" in found.text
    assert stage.sent == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": BROWSER["Origin"]}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        (BEARER, 200),
        (BROWSER, 200),
        # Behind a proxy that changes the host, the browser itself states it.
        (BROWSER | {"Origin": "https://page.example", "Sec-Fetch-Site": "same-origin"}, 200),
        (BROWSER | {"Sec-Fetch-Site": "cross-site"}, 403),
        (BROWSER | {"Sec-Fetch-Site": "same-site"}, 403),
        (BROWSER | {"Sec-Fetch-Site": "none"}, 403),
        (BROWSER | {"Origin": "http://evil.example"}, 403),
        (BROWSER | {"Origin": "http://127.0.0.1:8081"}, 403),
        (BROWSER | {"Origin": "null"}, 403),
        ({"Cookie": BROWSER["Cookie"]}, 403),
        (BROWSER | {"Content-Type": "text/plain"}, 415),
        (BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (BROWSER | {"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_only_a_page_of_this_server_with_its_token_may_act(
    headers: dict[str, str], status: int
) -> None:
    stage = Stage()
    assert act(headers, stage).status_code == status
    assert len(stage.sent) == (status == 200)


def test_no_other_path_takes_a_post() -> None:
    app, _ = application(token=TOKEN)
    for path in ("/", "/api/fleet", "/livez", "/api/alarms/act/"):
        found = asyncio.run(get(app, path, BEARER | JSON, method="POST", content=b"{}"))
        assert found.status_code == 405


def test_a_name_has_no_control_characters() -> None:
    stage = Stage()
    assert act(BEARER, stage, ACKNOWLEDGE | {"by": "ada\n\x1b[2Kroot"}).status_code == 200
    assert stage.sent[0].command.by == "ada��[2Kroot"


def test_the_proxy_states_who_acts() -> None:
    stage = Stage()
    behind: dict[str, Any] = {"token": None, "trusted_header": "X-User", "host": "page.example"}
    same = {"Sec-Fetch-Site": "same-origin"}
    assert act(same | {"X-User": "ada"}, stage, **behind).status_code == 200
    assert stage.sent[0].command.by == "ada"
    assert act(same, stage, **behind).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"alarm_id": "pump-9:bearing-fault"}, 404, "is no alarm that is displayed or shelved"),
        ({"alarm_id": "pump-9:bearing-fault"}, 404, "it may be masked"),
        ({"by": "  "}, 422, "state who you are"),
        ({"reason": " "}, 422, "reason:"),
        ({"action": "disable"}, 422, "action:"),
        ({"severity": "worst"}, 422, "severity:"),
        ({"action": "shelve"}, 422, "a shelving needs an end"),
        ({"action": "shelve", "seconds": -1}, 422, "seconds:"),
        ({"action": "shelve", "seconds": 1e300}, 422, "seconds:"),
        ({"more": 1}, 422, "more:"),
    ],
)
def test_a_wrong_request_is_refused_with_what_was_expected(
    changes: dict[str, Any], status: int, text: str
) -> None:
    stage = Stage()
    found = act(BEARER, stage, ACKNOWLEDGE | changes)
    assert found.status_code == status
    assert text in found.json()["detail"]
    assert stage.sent == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"[", 422), (b"[]", 422), (b"\xff", 422), (b"x" * 99_999, 413)],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, status: int) -> None:
    assert len(body) <= MAX_BODY or status == 413
    assert act(BEARER, Stage(), body).status_code == status


def test_only_so_many_commands_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    app, shared = application(send=stage, token=TOKEN)
    shared.alarms.table.put(alarm())
    monkeypatch.setattr(shared.operator, "_waiting", MAX_WAITING)
    content = json.dumps(ACKNOWLEDGE).encode()
    found = asyncio.run(get(app, ACT, JSON | BEARER, method="POST", content=content))
    assert (found.status_code, stage.sent) == (503, [])


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        ({}, {}, {"allowed": False, "user": None}),
        ({"token": TOKEN}, BEARER, {"allowed": True, "user": None}),
        ({"trusted_header": "X-User"}, {"X-User": "ada"}, {"allowed": True, "user": "ada"}),
    ],
)
def test_a_browser_learns_whether_the_person_may_act(
    settings: dict[str, Any], headers: dict[str, str], expected: dict[str, Any]
) -> None:
    app, _ = application(**settings)
    assert asyncio.run(get(app, "/api/terms", headers)).json()["acting"] == expected
