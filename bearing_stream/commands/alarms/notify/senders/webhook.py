"""Posts each event to an address: signed, as a CloudEvent in binary mode, or as text for a chat."""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from pydantic_core import to_json

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.receivers import Webhook
from bearing_stream.commands.alarms.notify.secret import SecretSource, redacted
from bearing_stream.commands.alarms.notify.senders.base import Sender
from bearing_stream.commands.alarms.notify.senders.http import (
    HttpClient,
    Request,
    available,
    resolved,
)
from bearing_stream.commands.alarms.notify.signature import keys_of, signature
from bearing_stream.wire import format_time
from bearing_stream.wire.alarm import SOURCE

UNQUOTED: Final = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What need not be percent-encoded in a header of CloudEvents (HTTP protocol binding, 3.1.3.2)."""


class WebhookSender(Sender):
    """Posts to one address."""

    def __init__(self, receiver: Webhook, clock: Callable[[], float] = time.time) -> None:
        """Set up.

        Args:
            receiver: To which address, and how.
            clock: Seconds since the epoch.
        """
        self._receiver = receiver
        self._clock = clock
        secrets = receiver.secrets()
        self._client = HttpClient(receiver.timeout / SECOND, receiver.ca_file, secrets)

    def send(self, notification: Notification) -> None:
        """Post."""
        self._client.post(self._request(notification))

    def preview(self, notification: Notification) -> str:
        """Return the request."""
        receiver = self._receiver
        text = self._request(notification).as_text(isinstance(receiver.url, SecretSource))
        return redacted(text, receiver.secrets())

    def stop(self) -> None:
        """Give an attempt in flight some seconds to end."""
        self._client.stop()

    def _request(self, notification: Notification) -> Request:
        receiver, key = self._receiver, notification.key
        body = notification.body
        if receiver.text is not None:
            body = to_json({receiver.text_field: notification.written(receiver.text).strip()})
        now = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "bearing-stream",
            "idempotency-key": key,
            "ce-specversion": "1.0",
            "ce-type": notification.type,
            "ce-source": SOURCE,
            "ce-id": key,
            "ce-subject": quote(notification.subject, UNQUOTED),
            "webhook-id": key,
            "webhook-timestamp": str(now),
        }
        if notification.time is not None:
            headers["ce-time"] = format_time(notification.time)
        if receiver.signing_secret is not None:
            keys = keys_of(available(receiver.signing_secret))
            headers["webhook-signature"] = signature(keys, key, now, body)
        return Request(available(receiver.url), headers | resolved(receiver.headers), body)
