"""Sends each event as an e-mail, by way of an SMTP server."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.receivers import Email
from bearing_stream.commands.alarms.notify.secret import redacted
from bearing_stream.commands.alarms.notify.senders.attempt import Attempt, TimeLimit
from bearing_stream.commands.alarms.notify.senders.base import (
    PartlyRefusedError,
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.http import available, tls_context
from bearing_stream.commands.terminal import printable

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}

ABOUT_THE_LOGIN: Final = frozenset({530, 534, 535, 538})
"""Permanent statuses (RFC 4954) that state nothing about the message: a login is needed, or wrong.
A person can correct that, and nothing is lost."""

Status = tuple[int, bytes | str]

Statuses = Mapping[str, Status]
"""Recipient → status and text of the server, for those that it has not accepted."""


class _Smtp(smtplib.SMTP):
    """Opens the connection of an attempt, with TLS at once if there is a context for it."""

    def __init__(
        self, attempt: Attempt, tls: ssl.SSLContext | None, host: str, port: int, timeout: float
    ) -> None:
        self._attempt = attempt
        self._tls = tls
        super().__init__(host, port, socket.gethostname(), timeout)

    def _get_socket(self, host: str, port: int, _timeout: Any) -> socket.socket:
        connection = self._attempt.connect((host, port))
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_hostname=host)


class MailSender(Sender):
    """Sends to some mailboxes.

    Where the server accepts a message for some recipients only, later attempts are for the others,
    without those that it permanently refuses.
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
        self._limit = TimeLimit(receiver.timeout / SECOND)
        self._key = ""
        self._left: list[str] = []
        self._refused: list[str] = []
        self._has_accepted = False

    def send(self, notification: Notification) -> None:
        """Send to every recipient that has not accepted this notification yet."""
        if notification.key != self._key:
            self._key, self._left, self._refused = notification.key, [*self._receiver.to], []
            self._has_accepted = False
        if self._left:
            self._limit.run(partial(self._attempt, self._message(notification)))
        if self._refused:
            error = PartlyRefusedError if self._has_accepted else RefusedError
            raise error("; ".join(self._refused))

    def preview(self, notification: Notification) -> str:
        """Return the message."""
        receiver = self._receiver
        port = receiver.port or PORTS[receiver.security]
        message = self._message(notification)
        headers = "\n".join(f"{name}: {value}" for name, value in message.items())
        text = f"SMTP {receiver.host}:{port} ({receiver.security})\n{headers}\n\n"
        return self._shown(text) + str(message.get_content())

    def stop(self) -> None:
        """Give an attempt in flight some seconds to end."""
        self._limit.stop()

    def _attempt(self, message: EmailMessage, attempt: Attempt) -> None:
        try:
            refused = self._transfer(message, attempt)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            # It is about the message, and so about every recipient.
            refused = dict.fromkeys(self._left, (error.smtp_code, error.smtp_error))
        except smtplib.SMTPResponseException as error:
            # It states nothing about the message.
            reason = f"status {error.smtp_code} {_decoded(error.smtp_error)}"
            raise UnavailableError(self._shown(reason)) from None
        except (smtplib.SMTPException, OSError) as error:
            attempt.check()
            raise UnavailableError(self._shown(str(error) or type(error).__name__)) from None
        self._note(refused)

    def _transfer(self, message: EmailMessage, attempt: Attempt) -> Statuses:
        """Return the status of each recipient that the server has not accepted."""
        receiver = self._receiver
        server = self._connection(attempt)
        try:
            if receiver.security == "starttls":
                server.starttls(context=tls_context(receiver.ca_file))
            if receiver.username is not None and receiver.password is not None:
                server.login(receiver.username, available(receiver.password))
            return server.send_message(message, receiver.sender, self._left)
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients
        finally:
            # An error here would have what was accepted sent again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _note(self, refused: Statuses) -> None:
        # What the server has accepted must not be sent again.
        self._has_accepted |= len(refused) < len(self._left)
        permanent = {to: each for to, each in refused.items() if _is_permanent(each[0])}
        self._left = [address for address in refused if address not in permanent]
        self._refused += map(self._reason, permanent, permanent.values())
        if self._left:
            first = self._left[0]
            raise UnavailableError(self._reason(", ".join(self._left), refused[first]))

    def _reason(self, recipients: str, status: Status) -> str:
        code, text = status
        return self._shown(f"{recipients}: status {code} {_decoded(text)}")

    def _connection(self, attempt: Attempt) -> smtplib.SMTP:
        receiver = self._receiver
        port = receiver.port or PORTS[receiver.security]
        tls = tls_context(receiver.ca_file) if receiver.security == "tls" else None
        return _Smtp(attempt, tls, receiver.host, port, receiver.timeout / SECOND)

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


def _is_permanent(code: int) -> bool:
    return code >= 500 and code not in ABOUT_THE_LOGIN


def _decoded(text: bytes | str) -> str:
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    return printable(" ".join(decoded.split()))
