"""Dead letters for tests: originals that were rejected for a known reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bearing_stream.wire import DeadLetter, Headers, Message, RejectionReason
from bearing_stream.wire import headers as h
from tests.kafka_tools import Topics, headers_of, produce, read_to_end


def original(number: int, sensor: str = "press-1", **headers: str) -> Message:
    """Return a message of a sensor; its value contains its number."""
    named: Headers = [(h.SUBJECT, sensor.encode()), (h.ID, str(number).encode())]
    named += [(name.replace("_", "-"), text.encode()) for name, text in headers.items()]
    return Message(sensor.encode(), b"value %d" % number, named)


def letter(
    of: Message, topic: str, offset: int = 0, reason: str = "wrong-length", detail: str = "short"
) -> Message:
    """Return its dead letter."""
    return DeadLetter(topic, 0, offset, RejectionReason(reason), detail, of).message("group")


@dataclass(frozen=True)
class LetterTopics:
    """A dead-letter topic with letters, and the windows topic of their originals."""

    topics: Topics

    def add_letters(self, *letters: Message) -> None:
        """Produce dead letters."""
        produce(self.topics.servers, self.topics.dead_letters, letters)

    def windows(self) -> list[tuple[bytes | None, dict[str, bytes | None]]]:
        """Return value and headers of all messages in the windows topic."""
        return [
            (message.value(), dict(headers_of(message)))
            for message in read_to_end(self.topics.servers, self.topics.windows)
        ]

    def values(self) -> list[bytes | None]:
        """Return the values of the windows topic, sorted."""
        return sorted((value for value, _ in self.windows()), key=str)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of any command on these topics, with a redrive group of their own."""
        return self.topics.settings | {"redrive_group": f"redrive-{self.topics.group}"}


def options(settings: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Return some settings as command-line options."""
    return [f"--{name.replace('_', '-')}={settings[name]}" for name in names]
