"""The routes: what they hold, and who may read them."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from bearing_stream.commands.page.guard import COOKIE, is_local, proof
from bearing_stream.commands.page.reader import Progress
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.states import INSTRUMENT_STATES, LETTERS, MACHINE_STATES
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.vocabulary import QUALITY_FLAGS
from tests.bearing_stream.commands.page.examples import add, diagnosis, evidence, indicators
from tests.bearing_stream.commands.page.serving import application, get

TOKEN = "correct-horse-battery"

SENSOR = "/api/sensor?source=/plant-2/line-1/pump-7&sensor=pump-7"


def fetch(path: str, **more: Any) -> httpx.Response:
    """Request a path of a page with default settings."""
    app, _ = application()
    return asyncio.run(get(app, path, **more))


def test_the_page_runs_its_own_scripts_and_nothing_else() -> None:
    page = fetch("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "<script>" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


@pytest.mark.parametrize(
    "path", ["main.js", "style.css", "vendor/uPlot.esm.js", "vendor/LICENSE.md"]
)
def test_the_files_of_the_page_are_served(path: str) -> None:
    assert fetch(f"/static/{path}").status_code == 200


@pytest.mark.parametrize("path", ["/static/../command.py", "/static/%2e%2e/command.py", "/docs"])
def test_no_other_file_is_served(path: str) -> None:
    assert fetch(path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(method: str) -> None:
    refused = fetch("/api/fleet", method=method)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_sensor_has_its_diagnosis_and_its_history() -> None:
    app, parts = application()
    add(parts.fleet, diagnosis(at=0), diagnosis("pump-8"))
    add(
        parts.fleet,
        diagnosis("pump-7", "OuterRace", 1, evidence=evidence(4.25), indicators=indicators(2.0)),
    )
    found = asyncio.run(get(app, SENSOR)).json()
    assert found["row"]["machine"] == "OuterRace"
    assert found["diagnosis"]["evidence"]["outer_sigma"] == 4.25
    assert found["strip"] == "NO"
    assert found["values"]["outer"] == [None, 4.25]
    assert found["values"]["rms"] == [None, 2.0]
    assert len(found["times"]) == len(found["counts"]) == 2


def test_the_whole_fleet_is_there_for_programs() -> None:
    app, parts = application()
    add(parts.fleet, diagnosis(), diagnosis("pump-8", "Ball"))
    parts.fleet.publish(10)
    found = asyncio.run(get(app, "/api/fleet")).json()
    assert [row["sensor"] for row in found["rows"]] == ["pump-7", "pump-8"]
    assert found["groups"]["plant-2"] == {"sensors": 2, "Normal": 1, "Ball": 1}
    assert found["status"]["current"]


@pytest.mark.parametrize("path", ["/api/sensor", "/api/window"])
def test_an_unknown_sensor_is_not_found(path: str) -> None:
    refused = fetch(f"{path}?source=/a&sensor=%3Cscript%3E")
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/json"


def test_each_state_is_explained() -> None:
    terms = fetch("/api/terms").json()
    assert terms["machine"] == MACHINE_STATES
    assert terms["instrument"] == INSTRUMENT_STATES
    assert set(QUALITY_FLAGS) < set(INSTRUMENT_STATES)
    assert terms["letters"] == LETTERS
    assert (terms["thresholds"]["race"], terms["thresholds"]["change"]) == (3.0, 3.0)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:8080", True),
        ("127.9.9.9", True),
        ("", False),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("10.0.0.7:8080", False),
        ("[::2]", False),
        ("[", False),
    ],
)
def test_another_name_for_this_machine_is_refused(host: str, local: bool) -> None:
    assert is_local(host) is local
    if host and "[" not in host:
        assert fetch("/", headers={"Host": host}).status_code == (200 if local else 421)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "page.example"])
def test_other_machines_need_a_token_or_a_proxy(host: str) -> None:
    with pytest.raises(ValidationError, match="set token"):
        PageSettings(host=host)
    assert PageSettings(host=host, token=TOKEN).host == host
    assert PageSettings(host=host, trusted_header="X-User").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_this_machine_needs_none(host: str) -> None:
    assert PageSettings(host=host).is_local


def test_a_short_token_is_refused_and_none_is_printed() -> None:
    with pytest.raises(ValidationError):
        PageSettings(token="short")
    assert TOKEN not in repr(PageSettings(token=TOKEN))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer \u00e9".encode("latin-1")}, 401),
        ({"Cookie": f"{COOKIE}={proof(TOKEN)}"}, 200),
        ({"Cookie": f"{COOKIE}={TOKEN}"}, 401),
        ({"Cookie": "a=b"}, 401),
    ],
)
def test_a_token_is_needed_in_one_of_its_ways(headers: dict[str, Any], status: int) -> None:
    app, _ = application(host="0.0.0.0", token=TOKEN)
    for path in ("/", "/api/fleet", "/static/main.js"):
        assert asyncio.run(get(app, path, headers, host="page.example")).status_code == status


def test_a_browser_exchanges_the_token_for_a_cookie_and_keeps_its_place() -> None:
    app, _ = application(host="0.0.0.0", token=TOKEN)
    given = asyncio.run(get(app, f"/?sensor=pump+7&token={TOKEN}", {"X-Forwarded-Proto": "https"}))
    assert (given.status_code, given.headers["location"]) == (303, "/?sensor=pump+7")
    cookie = given.headers["set-cookie"]
    assert f"{COOKIE}={proof(TOKEN)}" in cookie
    for attribute in ("HttpOnly", "SameSite=lax", "Secure"):
        assert attribute in cookie
    assert TOKEN not in cookie
    other = asyncio.run(get(app, f"//evil.example/?token={TOKEN}", host="page.example"))
    assert other.headers.get("location", "/").startswith("/")
    assert not other.headers.get("location", "/").startswith("//")


def test_a_proxy_vouches_for_its_users() -> None:
    app, _ = application(host="0.0.0.0", trusted_header="X-Forwarded-User")
    status = [
        asyncio.run(get(app, "/", headers, host="page.example")).status_code
        for headers in ({}, {"X-Forwarded-User": " "}, {"X-Forwarded-User": "ada"})
    ]
    assert status == [401, 401, 200]


@pytest.mark.parametrize(
    ("progress", "ready"),
    [
        (Progress(lag=0, rebuilt=1.0), True),
        (Progress(lag=9, rebuilt=1.0, behind=1.0), True),
        (Progress(lag=9, rebuilt=1.0, behind=60.0), False),
        (Progress(lag=9, rebuilt=0.5), False),
        (Progress(kafka="no Kafka broker responds", rebuilt=1.0), False),
    ],
)
def test_it_is_ready_when_it_shows_the_fleet_as_it_is(progress: Progress, ready: bool) -> None:
    app, parts = application(host="0.0.0.0", token=TOKEN)
    parts.thread.progress = progress
    found = asyncio.run(get(app, "/readyz", host="10.0.0.7"))
    assert found.status_code == (200 if ready else 503)
    assert found.json()["kafka"] == progress.kafka
    assert asyncio.run(get(app, "/livez", host="10.0.0.7")).status_code == 200


def test_it_is_not_alive_when_its_thread_has_failed_or_it_publishes_nothing() -> None:
    app, parts = application()
    parts.stream.ticked_at -= 60
    assert asyncio.run(get(app, "/livez")).status_code == 503
    app, parts = application()
    parts.thread.failure = FatalKafkaError("refused")
    assert asyncio.run(get(app, "/livez")).status_code == 503
    assert asyncio.run(get(app, "/readyz")).status_code == 503
    parts.thread.progress = replace(parts.thread.progress, rebuilt=1.0)
