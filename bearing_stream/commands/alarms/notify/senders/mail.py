"""Sends each event as an e-mail, by way of an SMTP server."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from typing import Final

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.receivers import Email
from bearing_stream.commands.alarms.notify.secret import redacted
from bearing_stream.commands.alarms.notify.senders.base import (
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.http import available
from bearing_stream.commands.terminal import printable

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}

ABOUT_THE_LOGIN: Final = frozenset({530, 534, 535, 538})
"""Permanent statuses (RFC 4954) that state nothing about the message: a login is needed, or wrong.
A person can correct that, and nothing is lost."""


class MailSender(Sender):
    """Sends to some mailboxes.

    Where the server accepts a message for some recipients only, later attempts are for the others.
    """

    def __init__(
        self, receiver: Email, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Set up.

        Args:
            receiver: Which server and mailboxes.
            now: The time, for the header `Date`.
        """
        self._receiver = receiver
        self._now = now
        self._key = ""
        self._left: list[str] = []
        self._refused: list[str] = []

    def send(self, notification: Notification) -> None:
        """Send to every recipient that has not accepted this notification yet."""
        if notification.key != self._key:
            self._key, self._left, self._refused = notification.key, [*self._receiver.to], []
        try:
            if self._left:
                self._attempt(self._message(notification))
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise self._failure(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPResponseException as error:
            # It states nothing about the message.
            reason = f"status {error.smtp_code} {_decoded(error.smtp_error)}"
            raise UnavailableError(self._shown(reason)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError(self._shown(str(error) or type(error).__name__)) from None
        if self._refused:
            raise RefusedError("; ".join(self._refused))

    def preview(self, notification: Notification) -> str:
        """Return the message."""
        receiver = self._receiver
        port = receiver.port or PORTS[receiver.security]
        message = self._message(notification)
        headers = "\n".join(f"{name}: {value}" for name, value in message.items())
        text = f"SMTP {receiver.host}:{port} ({receiver.security})\n{headers}\n\n"
        return self._shown(text) + str(message.get_content())

    def _attempt(self, message: EmailMessage) -> None:
        receiver = self._receiver
        server = self._connection()
        try:
            if receiver.security == "starttls":
                server.starttls(context=self._context())
            if receiver.username is not None and receiver.password is not None:
                server.login(receiver.username, available(receiver.password))
            refused = server.send_message(message, receiver.sender, self._left)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        finally:
            # An error here would have what was accepted sent again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        # What the server has accepted must not be sent again.
        self._left = [address for address, (code, _) in refused.items() if code < 500]
        self._refused += [
            f"{address}: status {code} {self._shown(_decoded(text))}"
            for address, (code, text) in refused.items()
            if code >= 500
        ]
        if self._left:
            code, text = refused[self._left[0]]
            reason = f"{', '.join(self._left)}: status {code} {_decoded(text)}"
            raise UnavailableError(self._shown(reason))

    def _connection(self) -> smtplib.SMTP:
        receiver = self._receiver
        port = receiver.port or PORTS[receiver.security]
        timeout, own_name = receiver.timeout / SECOND, socket.gethostname()
        if receiver.security == "tls":
            return smtplib.SMTP_SSL(
                receiver.host, port, own_name, timeout=timeout, context=self._context()
            )
        return smtplib.SMTP(receiver.host, port, own_name, timeout=timeout)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._receiver.ca_file)

    def _failure(self, code: int, text: bytes | str) -> UnavailableError | RefusedError:
        reason = self._shown(f"status {code} {_decoded(text)}")
        if code >= 500 and code not in ABOUT_THE_LOGIN:
            return RefusedError(reason)
        return UnavailableError(reason)

    def _message(self, notification: Notification) -> EmailMessage:
        receiver = self._receiver
        host = receiver.sender.rpartition("@")[2]
        message = EmailMessage()
        message["From"] = receiver.sender
        message["To"] = ", ".join(receiver.to)
        message["Subject"] = notification.titled(receiver.subject)
        message["Date"] = format_datetime(self._now())
        message["Message-ID"] = f"<{notification.key}.{receiver.name}@{host}>"
        if notification.event is not None:
            # Mail programs show the messages of one alarm as a thread.
            alarm = blake2b(notification.event.alarm_id.encode(), digest_size=16).hexdigest()
            message["References"] = f"<{alarm}.{receiver.name}@{host}>"
        # RFC 3834: no vacation notices, please.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notification.written(receiver.body))
        return message

    def _shown(self, text: str) -> str:
        return redacted(text, self._receiver.secrets())


def _decoded(text: bytes | str) -> str:
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    return printable(" ".join(decoded.split()))
