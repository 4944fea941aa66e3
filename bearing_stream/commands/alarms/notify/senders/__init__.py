"""The ways to a receiver, one for each kind; none of them knows Kafka."""

from collections.abc import Callable
from typing import Any, Final

from bearing_stream.commands.alarms.notify.receivers import (
    Alertmanager,
    Email,
    Program,
    Receiver,
    Webhook,
)
from bearing_stream.commands.alarms.notify.senders.alertmanager import AlertmanagerSender
from bearing_stream.commands.alarms.notify.senders.base import (
    PartlyRefusedError,
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.mail import MailSender
from bearing_stream.commands.alarms.notify.senders.program import ProgramSender
from bearing_stream.commands.alarms.notify.senders.webhook import WebhookSender

__all__ = ["PartlyRefusedError", "RefusedError", "Sender", "UnavailableError", "sender_of"]

_SENDERS: Final[dict[type[Receiver], Callable[[Any], Sender]]] = {
    Webhook: WebhookSender,
    Alertmanager: AlertmanagerSender,
    Email: MailSender,
    Program: ProgramSender,
}


def sender_of(receiver: Receiver) -> Sender:
    """Return what sends to a receiver."""
    return _SENDERS[type(receiver)](receiver)
