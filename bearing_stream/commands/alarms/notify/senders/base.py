"""What a sender is, and how it reports that a receiver did not accept."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.wire.alarm import Alarm

TICK: Final = 0.2
"""Seconds between two checks whether to stop."""

STOP_GRACE: Final = 3.0
"""Seconds for an attempt in flight to end after `Sender.stop`."""


class UnavailableError(Exception):
    """The receiver did not accept, and may later: it is down, busy, or its settings are wrong.

    Attributes:
        retry_after: Seconds to wait at least, as the receiver asks for; 0 if it does not.
    """

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        """Give the reason, without a secret in it."""
        super().__init__(reason)
        self.retry_after = retry_after


class RefusedError(Exception):
    """The receiver does not take this notification, and never will."""


class PartlyRefusedError(Exception):
    """Some recipients have this notification, and those in the message never will.

    To send it again would repeat it for those that have it.
    """


class Sender(ABC):
    """Sends to one receiver. One thread calls it.

    Attributes:
        mirrors: Whether it must know all alarms of the partitions that it is notified of.
    """

    mirrors = False

    @abstractmethod
    def send(self, notification: Notification) -> None:
        """Send, and return when the receiver has accepted.

        Raises:
            UnavailableError: A later attempt may succeed.
            RefusedError: No attempt will.
            PartlyRefusedError: Some recipients have accepted, and no attempt changes the others.
        """

    @abstractmethod
    def preview(self, notification: Notification) -> str:
        """Return what `send` would send, as text without secrets."""

    def restore(self, alarms: Iterable[Alarm]) -> None:  # noqa: B027 - most have nothing to do
        """Take these for all alarms there are, if it mirrors them."""

    def refresh(self) -> None:  # noqa: B027
        """Send again what the receiver must be sent again and again, if it is time.

        Raises:
            UnavailableError: The receiver did not accept; the next call tries again in time.
            RefusedError: The receiver does not take it.
        """

    def stop(self) -> None:  # noqa: B027
        """End what `send` waits for within some seconds, if it can; called by another thread."""
