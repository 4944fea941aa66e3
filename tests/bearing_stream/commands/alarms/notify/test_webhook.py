"""A webhook on a real HTTP server: headers, signature, and which status means what."""

import base64
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from bearing_stream.commands.alarms.notify.notification import Summary
from bearing_stream.commands.alarms.notify.senders import RefusedError, UnavailableError
from bearing_stream.commands.alarms.notify.senders.http import retry_after
from bearing_stream.commands.alarms.notify.senders.webhook import WebhookSender
from tests.bearing_stream.commands.alarms.notify.examples import event, notification, receiver
from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_769_860_800.5


def sender(url: str, more: str = "") -> WebhookSender:
    text = f'kind = "webhook"\nurl = "{url}/hook"\ntimeout = "2s"\n{more}'
    return WebhookSender(receiver(text), lambda: NOW)


def test_the_event_is_sent_as_it_is_with_its_key_and_as_a_cloudevent(sink: HttpSink) -> None:
    sent = notification(1, alarm_id="fan é:bearing-fault")
    sender(sink.url).send(sent)
    [request] = sink.requests
    assert (request.path, request.body) == ("/hook", sent.body)
    assert request.headers["content-type"] == "application/json"
    key = f"{1:032x}"
    assert {request.headers[name] for name in ("idempotency-key", "webhook-id", "ce-id")} == {key}
    assert request.headers["ce-type"] == "bearing.alarm-event.v1"
    assert request.headers["ce-source"] == "/bearing-stream/alarms"
    assert request.headers["ce-subject"] == "fan%20%C3%A9:bearing-fault"
    assert request.headers["ce-time"].endswith("Z")
    assert request.headers["webhook-timestamp"] == str(int(NOW))
    assert "webhook-signature" not in request.headers


def test_it_is_signed_as_standard_webhooks_are(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    sender(sink.url, 'signing_secret = { env = "HOOK_SECRET" }').send(notification(2))
    [request] = sink.requests
    found = request.headers
    content = f"{found['webhook-id']}.{found['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, content, sha256).digest()).decode()
    assert found["webhook-signature"] == f"v1,{digest}"


def test_a_text_is_sent_as_chats_take_it(sink: HttpSink) -> None:
    more = "text = '''$severity \"$what\" on $sensor\n'''\ntext_field = \"content\""
    sender(sink.url, more).send(notification())
    assert sink.requests[0].json == {"content": 'medium "OuterRace" on example-sensor'}


def test_a_summary_is_sent_with_a_type_of_its_own(sink: HttpSink) -> None:
    summary = Summary()
    summary.add(event(1))
    sender(sink.url).send(summary.notification())
    sender(sink.url, 'text = "$what"').send(summary.notification())
    first, second = sink.requests
    assert first.headers["ce-type"] == "bearing.alarm-summary.v1"
    assert first.headers["idempotency-key"] == first.json["summary_id"]
    assert second.json["text"].startswith("[medium] 1 events of alarms")


def test_headers_are_added_and_their_secrets_read_at_each_attempt(
    sink: HttpSink, tmp_path: Path
) -> None:
    (token := tmp_path / "token").write_text("Bearer a")
    one = sender(sink.url, f'headers = {{ X-Site = "n", Authorization = {{ file = "{token}" }} }}')
    one.send(notification())
    token.write_text("Bearer b")
    one.send(notification())
    found = [request.headers["authorization"] for request in sink.requests]
    assert (found, sink.requests[0].headers["x-site"]) == (["Bearer a", "Bearer b"], "n")
    token.write_text("a\nb")
    with pytest.raises(UnavailableError, match="expected one line of ASCII for the header Auth"):
        one.send(notification())
    token.unlink()
    with pytest.raises(UnavailableError, match="cannot be read: No such file"):
        one.send(notification())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_status_of_success_accepts(sink: HttpSink, status: int) -> None:
    sink.default = status, {}, b""
    sender(sink.url).send(notification())


@pytest.mark.parametrize("status", [400, 409, 410, 413, 422, 451])
def test_a_refusal_of_the_event_is_permanent(sink: HttpSink, status: int) -> None:
    sink.default = status, {}, b"no such\n\x1b[1m field"
    with pytest.raises(RefusedError, match=f"status {status}: no such .*field") as raised:
        sender(sink.url).send(notification())
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize(
    "status", [301, 302, 307, 401, 403, 404, 407, 408, 425, 429, 500, 502, 503, 504]
)
def test_what_states_nothing_about_the_event_is_tried_again(sink: HttpSink, status: int) -> None:
    sink.default = status, {"location": f"{sink.url}/elsewhere", "retry-after": "7"}, b""
    with pytest.raises(UnavailableError, match=f"status {status}") as raised:
        sender(sink.url).send(notification())
    assert raised.value.retry_after == 7
    assert len(sink.requests) == 1


def test_a_receiver_that_is_not_there_or_does_not_respond_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        slow = WebhookSender(
            receiver(f'kind = "webhook"\nurl = "{url}"\ntimeout = "100ms"'), lambda: NOW
        )
        with pytest.raises(UnavailableError, match="timed out"):
            slow.send(notification())
    with pytest.raises(UnavailableError, match="refused"):
        sender(url).send(notification())
    with pytest.raises(UnavailableError):
        sender("http://no-such-host.invalid").send(notification())


def test_a_response_that_is_no_http_is_tried_again() -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-hello\r\n")

        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(UnavailableError, match="BadStatusLine"):
            sender(f"http://127.0.0.1:{listener.getsockname()[1]}").send(notification())
        thread.join()


def test_a_certificate_is_checked(sink: HttpSink, tmp_path: Path) -> None:
    import ssl

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    sink.socket = context.wrap_socket(sink.socket, server_side=True)
    url = sink.url.replace("http:", "https:")
    sender(url, f'ca_file = "{tmp_path}/ca.pem"').send(notification())
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        sender(url).send(notification())
    gone = sender(url, f'ca_file = "{tmp_path}/ca.pem"')
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(UnavailableError, match="ca_file cannot be used"):
        gone.send(notification())


def test_retry_after_may_be_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < retry_after(soon) <= 100
    assert [retry_after(each) for each in (None, "soon", "-5", "12")] == [0, 0, 0, 12]


def test_secrets_are_in_no_error_and_no_preview(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "Bearer hunter2-hunter2")
    monkeypatch.setenv("HOOK_URL", f"{sink.url}/hunter3-hunter3")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    text = (
        'kind = "webhook"\nurl = { env = "HOOK_URL" }\nsigning_secret = { env = "HOOK_SECRET" }\n'
        'headers = { Authorization = { env = "HOOK_TOKEN" } }'
    )
    one = WebhookSender(receiver(text), lambda: NOW)
    sink.default = 403, {}, b"the token hunter2-hunter2 is not valid at /hunter3-hunter3"
    with pytest.raises(UnavailableError) as raised:
        one.send(notification())
    for shown in (str(raised.value), one.preview(notification())):
        for secret in ("hunter2", "hunter3-hunter3/", SECRET):
            assert secret not in shown
    preview = one.preview(notification(3))
    assert preview.startswith(f"POST {sink.url}/********\n")
    assert "Authorization: ********" in preview
    assert "webhook-signature: v1," in preview
    assert json.loads(preview.partition("\n\n")[2])["transition_id"] == f"{3:032x}"
