"""E-mail by way of a real SMTP server: encryption, login, threads, and which status means what."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from bearing_stream.commands.alarms.notify.notification import Summary
from bearing_stream.commands.alarms.notify.senders import (
    PartlyRefusedError,
    RefusedError,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.mail import MailSender
from tests.bearing_stream.commands.alarms.notify.examples import event, notification, receiver
from tests.bearing_stream.commands.alarms.notify.sinks import SmtpSink, smtp_sink

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[SmtpSink]:
    with smtp_sink() as found:
        yield found


def sender(server: SmtpSink, more: str = "security = 'none'") -> MailSender:
    text = (
        f'kind = "email"\nhost = "localhost"\nport = {server.port}\nfrom = "bearings@example.com"\n'
        f'to = ["ann@example.com", "ben@example.com"]\ntimeout = "5s"\n{more}'
    )
    return MailSender(receiver(text), lambda: NOW)


def test_a_message_for_each_event_with_an_id_from_its_key(server: SmtpSink) -> None:
    one = sender(server)
    one.send(notification(1, sensor="pümp 7"))
    one.send(notification(2, event="cleared"))
    first, second = (mail.message for mail in server.mails)
    assert first["subject"] == "[medium] pump-7:bearing-fault raised: OuterRace"
    assert first["message-id"] == f"<{1:032x}.one@example.com>"
    assert first["to"] == "ann@example.com, ben@example.com"
    assert first["date"] == "Sat, 31 Jan 2026 12:00:00 +0000"
    assert first["auto-submitted"] == "auto-generated"
    assert first.get_content().startswith("OuterRace on pümp 7 of /example/machine: raised\r\n")
    assert server.mails[0].recipients == ["ann@example.com", "ben@example.com"]
    assert first["references"] == second["references"]
    assert first["message-id"] != second["message-id"]


def test_a_line_break_in_a_name_adds_no_header(server: SmtpSink) -> None:
    sender(server).send(notification(alarm_id="a\r\nBcc: eve@example.com\x1b"))
    [mail] = server.mails
    assert mail.message["bcc"] is None
    assert "a Bcc: eve@example.com" in mail.message["subject"]


def test_a_summary_is_one_message(server: SmtpSink) -> None:
    summary = Summary()
    summary.add(event(1))
    sender(server).send(summary.notification())
    [mail] = server.mails
    assert mail.message["subject"] == "[medium] 1 events of alarms: 1 raised"
    assert "pump-7:bearing-fault" in mail.message.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_is_encrypted_and_logs_in(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    with smtp_sink(context, implicit=security == "tls") as server:
        more = (
            f'security = "{security}"\nusername = "ann"\npassword = {{ env = "MAIL_PASSWORD" }}\n'
        )
        sender(server, f'{more}ca_file = "{tmp_path}/ca.pem"').send(notification())
        [mail] = server.mails
        assert mail.encrypted
        assert mail.login.startswith("PLAIN ")
        server.script.replies["AUTH"] = ["535 wrong password hunter2"]
        with pytest.raises(UnavailableError, match=r"535 wrong password \*\*\*\*\*\*\*\*"):
            sender(server, f'{more}ca_file = "{tmp_path}/ca.pem"').send(notification())
        with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            sender(server, more).send(notification())


def test_a_server_without_starttls_is_sent_nothing(server: SmtpSink) -> None:
    with pytest.raises(UnavailableError, match="STARTTLS"):
        sender(server, "").send(notification())
    assert server.mails == []


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        ("connect", "554 no service", UnavailableError),
        ("connect", "421 busy", UnavailableError),
        ("MAIL", "451 later", UnavailableError),
        ("MAIL", "530 login first", UnavailableError),
        ("MAIL", "552 too large", RefusedError),
        ("DATA", "451 later", UnavailableError),
        ("content", "554 spam", RefusedError),
        ("content", "452 full", UnavailableError),
    ],
)
def test_a_status_about_the_message_is_permanent_and_others_are_tried_again(
    server: SmtpSink, verb: str, reply: str, error: type[Exception]
) -> None:
    server.script.replies[verb] = [reply]
    with pytest.raises(error, match=f"status {reply}"):
        sender(server).send(notification())


def test_a_recipient_that_accepted_gets_it_once(server: SmtpSink) -> None:
    one = sender(server)
    server.script.replies["RCPT TO:<ben@example.com>"] = ["450 greylisted"]
    with pytest.raises(UnavailableError, match=r"ben@example\.com: status 450 greylisted"):
        one.send(notification(1))
    one.send(notification(1))
    one.send(notification(2))
    assert [mail.recipients for mail in server.mails] == [
        *(["ann@example.com"], ["ben@example.com"], ["ann@example.com", "ben@example.com"]),
    ]


def test_a_recipient_that_does_not_exist_is_reported_and_the_other_served(
    server: SmtpSink,
) -> None:
    server.script.replies["RCPT TO:<ann@example.com>"] = ["550 unknown"]
    server.script.replies["RCPT TO:<ben@example.com>"] = ["450 later"]
    one = sender(server)
    with pytest.raises(UnavailableError, match=r"ben@example\.com: status 450"):
        one.send(notification())
    with pytest.raises(PartlyRefusedError, match=r"ann@example\.com: status 550 unknown"):
        one.send(notification())
    assert [mail.recipients for mail in server.mails] == [["ben@example.com"]]


@pytest.mark.parametrize("replies", [["550 unknown"], ["450 later", "550 unknown"]])
def test_a_message_that_some_have_is_accepted_without_those_who_are_refused(
    server: SmtpSink, replies: list[str]
) -> None:
    server.script.replies["RCPT TO:<ben@example.com>"] = replies
    one = sender(server)
    for _ in replies[1:]:
        with pytest.raises(UnavailableError):
            one.send(notification())
    with pytest.raises(PartlyRefusedError, match=r"^ben@example\.com: status 550 unknown$"):
        one.send(notification())
    assert [mail.recipients for mail in server.mails] == [["ann@example.com"]]


def test_a_message_that_is_refused_for_those_left_is_accepted_by_those_who_have_it(
    server: SmtpSink,
) -> None:
    server.script.replies["RCPT TO:<ben@example.com>"] = ["450 later"]
    one = sender(server)
    with pytest.raises(UnavailableError):
        one.send(notification())
    server.script.replies["content"] = ["554 spam"]
    with pytest.raises(PartlyRefusedError, match=r"^ben@example\.com: status 554 spam$"):
        one.send(notification())


def test_a_message_that_nobody_takes_is_refused(server: SmtpSink) -> None:
    for name in ("ann", "ben"):
        server.script.replies[f"RCPT TO:<{name}@example.com>"] = ["550 unknown"]
    with pytest.raises(RefusedError, match=r"ann@.*: status 550 unknown; ben@.*: status 550"):
        sender(server).send(notification())


def test_a_recipient_that_needs_a_login_is_tried_again(server: SmtpSink) -> None:
    server.script.replies["RCPT TO:<ben@example.com>"] = ["530 login first"]
    with pytest.raises(UnavailableError, match=r"ben@example\.com: status 530"):
        sender(server).send(notification())


def test_an_error_after_the_message_was_accepted_does_not_repeat_it(server: SmtpSink) -> None:
    server.script.replies["QUIT"] = ["421 busy"]
    sender(server).send(notification())
    assert len(server.mails) == 1


def test_a_server_that_is_down_is_tried_again() -> None:
    with smtp_sink() as server:
        one = sender(server)
    with pytest.raises(UnavailableError, match="refused"):
        one.send(notification())


def test_the_preview_is_the_message(server: SmtpSink) -> None:
    text = sender(server).preview(notification())
    assert text.startswith(f"SMTP localhost:{server.port} (none)\nFrom: bearings@example.com\n")
    assert "Subject: [medium] pump-7:bearing-fault raised: OuterRace" in text
    assert server.mails == []
