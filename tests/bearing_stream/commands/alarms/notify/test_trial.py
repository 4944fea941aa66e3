"""The test mode: it shows what would be sent and sends nothing, or sends an example once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bearing_stream.cli import main
from bearing_stream.commands.alarms.notify.receivers_file import parse
from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink, smtp_sink
from tests.paths import ROOT


def notify(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["alarms", "notify", f"--receivers={path}", *arguments])


@pytest.fixture
def path(sink: HttpSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAT_URL", f"{sink.url}/hidden-path")
    path = tmp_path / "notifiers.toml"
    path.write_text(
        f"""
        [[receiver]]
        name = "hook"
        kind = "webhook"
        url = "{sink.url}/hook"
        [[receiver]]
        name = "chat"
        kind = "webhook"
        url = {{ env = "CHAT_URL" }}
        text = "$severity $what"
        severity = "critical"
        [[receiver]]
        name = "alerts"
        kind = "alertmanager"
        url = "{sink.url}"
        """
    )
    return path


def test_a_test_prints_what_would_be_sent_and_sends_nothing(path: Path, sink: HttpSink) -> None:
    result = notify(path, "--test")
    assert (result.exit_code, sink.requests) == (0, [])
    assert f"hook (webhook) would be sent:\n\n    POST {sink.url}/hook\n" in result.stdout
    assert '"alarm_id": "example-sensor:bearing-fault"' in result.stdout
    assert "chat (webhook): nothing, its severity is medium, below critical" in result.stdout
    assert f"POST {sink.url}/api/v2/alerts" in result.stdout
    assert "hidden-path" not in result.stdout
    only = notify(path, "--test", "example", "--only=chat").stdout
    assert only == "chat (webhook): nothing, its severity is medium, below critical\n\n"


def test_a_test_may_send_an_example_to_all(path: Path, sink: HttpSink) -> None:
    result = notify(path, "--send-test")
    assert (result.exit_code, result.stdout) == (
        0,
        "hook (webhook): accepted\nchat (webhook): accepted\nalerts (alertmanager): accepted\n",
    )
    paths = [request.path for request in sink.requests]
    assert paths == ["/hook", "/hidden-path", "/api/v2/alerts"]
    assert notify(path, "--send-test", "--only=hook").exit_code == 0
    first, *_, last = (request for request in sink.requests if request.path == "/hook")
    assert json.loads(first.body)["transition_id"] != json.loads(last.body)["transition_id"]


def test_a_receiver_that_does_not_accept_the_example_is_named(path: Path, sink: HttpSink) -> None:
    sink.replies.extend([(500, {}, b"oops"), (400, {}, b"bad")])
    result = notify(path, "--send-test")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "hook (webhook): unavailable: status 500: oops",
        "chat (webhook): refused: status 400: bad",
        "alerts (alertmanager): accepted",
    ]


def test_a_recipient_that_does_not_accept_the_example_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notifiers.toml"
    with smtp_sink() as server:
        path.write_text(
            f"""
            [[receiver]]
            name = "shift"
            kind = "email"
            host = "127.0.0.1"
            port = {server.port}
            security = "none"
            from = "bearings@example.com"
            to = ["ann@example.com", "ben@example.com"]
            """
        )
        server.script.replies["RCPT TO:<ben@example.com>"] = ["550 unknown"]
        result = notify(path, "--send-test")
    assert (result.exit_code, result.stdout) == (
        1,
        "shift (email): refused for some recipients: ben@example.com: status 550 unknown\n",
    )


def test_mistakes_are_one_line(path: Path, tmp_path: Path) -> None:
    result = notify(tmp_path / "missing.toml", "--test")
    assert result.exit_code == 1
    assert result.stderr.endswith("missing.toml: cannot be read: No such file or directory\n")
    assert "did you mean 'hook'" in notify(path, "--test", "--only=hok").stderr
    assert "not both" in notify(path, "--test", "--send-test").stderr
    assert "receivers" in CliRunner().invoke(main, ["alarms", "notify"]).stderr


def test_the_example_of_the_documentation_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "notifiers.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "token").write_text("Bearer abc")
    monkeypatch.setenv("MAINTENANCE_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("CHAT_URL", "https://chat.example/hook")
    monkeypatch.setenv("MAIL_PASSWORD", "abc")
    text = text.replace("/run/secrets/maintenance-token", str(tmp_path / "token"))
    receivers = parse(text.replace("/usr/local/bin/horn", "true"))
    assert [each.kind for each in receivers] == [
        *("webhook", "webhook", "alertmanager", "email", "command"),
    ]
