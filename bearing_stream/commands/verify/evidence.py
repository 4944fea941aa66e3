"""What the messages themselves say: identities, contents and claims, as hashes and places.

Hashes are Python's own of bytes and tuples: SipHash with 64 bits and a key that changes with every
process. They are only compared within one.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from confluent_kafka import Message
from pydantic import BaseModel, ConfigDict

from bearing_stream.commands.verify.report import Place
from bearing_stream.wire import Headers, Input, ModelInfo, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import PREFIX

IDENTIFYING: Final = (h.SOURCE, h.ID, h.SUBJECT)

ADDED: Final = 7
"""Error headers that a dead letter has beyond its original, at most."""


class Claim(BaseModel):
    """What a diagnosis says of its window; the rest of it is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str
    window_id: str
    sensor: str
    model: ModelInfo
    input: Input

    def window(self) -> Place:
        """Where the window is said to stand."""
        return Place(self.input.partition, self.input.offset)

    def identity(self) -> int:
        """Of the window that is named; see `window_identity`."""
        return _nonzero((self.source.encode(), self.window_id.encode(), self.sensor.encode()))


class Original(NamedTuple):
    """The place of an original, as its dead letter says it."""

    topic: str
    at: Place


def headers_of(message: Message) -> Headers:
    """The headers of a polled message; none if the client cannot read them, as in its letter."""
    return readable_headers(message) or []


def place_of(message: Message) -> Place:
    """Where a polled message stands."""
    return Place(cast("int", message.partition()), cast("int", message.offset()))


def window_identity(headers: Headers) -> int:
    """Of source, id and sensor; 0 if the headers do not have each of them once."""
    found = [(name, raw) for name, raw in headers if name in IDENTIFYING]
    named = dict(found)
    if len(found) != len(named) or len(named) != len(IDENTIFYING):
        return 0
    return _nonzero(tuple(named[name] for name in IDENTIFYING))


def content(message: Message, headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Of key, value and timestamp of a message, and these of its headers."""
    return _nonzero((message.key(), message.value(), message.timestamp()[1], tuple(headers)))


def is_marked(headers: Headers) -> bool:
    """Whether there are error headers."""
    return any(name.startswith(PREFIX) for name, _ in headers)


def possible_originals(letter: Message, headers: Headers) -> list[int]:
    """Contents that the original of a dead letter may have had.

    First without any error header. Those that it had already stay, and only the rest is added at
    the end, so it may also have had all but the last of them, or all but the last two.
    """
    count = len(headers)
    first = next((i for i, (name, _) in enumerate(headers) if name.startswith(PREFIX)), count)
    lengths = [first, *range(max(first + 1, count - ADDED), count + 1)]
    return [content(letter, headers[:length]) for length in lengths]


def original_place(headers: Headers) -> Original | None:
    """Where a dead letter says that its original stood; None if it does not."""
    said = dict(headers)
    try:
        topic = (said[PREFIX + "topic"] or b"").decode()
        partition = int(said[PREFIX + "partition"] or b"")
        offset = int(said[PREFIX + "offset"] or b"")
    except (KeyError, ValueError):
        return None
    return Original(topic, Place(partition, offset))


def diagnosis_event(headers: Headers) -> int:
    """Of the `ce_id` of a diagnosis."""
    return hash(dict(headers).get(h.ID))


def _nonzero(value: tuple[object, ...]) -> int:
    return hash(value) or 1
