"""Send originals back to the windows topic, each once, and remember it in the same transaction."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.commands.dead_letters.letters import Letter, read_matching, spans_for
from bearing_stream.commands.dead_letters.memory import Memory, group_metadata
from bearing_stream.commands.dead_letters.settings import RedriveSettings
from bearing_stream.kafka import ClusterErrors, FatalKafkaError, TopicReader, admin_client, explain
from bearing_stream.kafka.connection import Properties

MOST_LETTERS: Final = 500
"""Letters in a transaction."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of values in a transaction, give or take the last."""

TIMEOUT: Final = 60.0
"""Seconds for a step of a transaction."""

RETRY_PAUSE: Final = 0.1


@dataclass(slots=True)
class Redriven:
    """What was redriven, or would be."""

    executed: bool
    sent: Counter[str] = field(default_factory=Counter)
    """Messages sent to the windows topic, by reason."""
    already: int = 0
    """Letters that match and were redriven before."""
    capped: int = 0
    """Letters that match and have had as many redrives as allowed, or no readable count of them."""
    elsewhere: int = 0
    """Letters that match and whose original is not of this windows topic."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "executed": self.executed,
            "sent": self.sent.total(),
            "by_reason": dict(self.sent),
            "already": self.already,
            "capped": self.capped,
            "elsewhere": self.elsewhere,
        }


def redrive(
    settings: RedriveSettings,
    execute: bool = False,
    progress: Callable[[Redriven], None] = lambda _: None,
) -> Redriven:
    """Send the originals of the letters that match back to the windows topic.

    An original loses its error headers, and its header `bearing-redrives` counts one more. What
    was sent is committed in the same transaction, so that no letter is ever sent twice, however
    often this runs, and wherever it was interrupted.

    Args:
        settings: Which letters, where to, and how often at most.
        execute: Send; otherwise only find out what would be sent.
        progress: Told what is done so far, after each transaction.

    Raises:
        FatalKafkaError: Kafka does not answer, refuses, or another redrive took over. What was
            committed before is sent, and nothing else.
    """
    properties = settings.client_properties()
    memory = Memory(settings.dead_letters_topic, settings.redrive_group)
    found = Redriven(execute)
    sender = _Sender(settings, memory) if execute else None
    with TopicReader(properties, settings.dead_letters_topic) as reader:
        spans = spans_for(reader, settings)
        # Only now: a redrive that this one took over from has committed all that it ever will.
        memory.load(admin_client(properties), spans)
        for letter in read_matching(reader, spans, settings):
            if not _may_go(letter, settings, memory, found):
                continue
            found.sent[letter.reason] += 1
            if sender is not None and sender.add(letter):
                progress(found)
            if found.sent.total() == settings.limit:
                break
    if sender is not None:
        sender.send()
    progress(found)
    return found


def _may_go(letter: Letter, settings: RedriveSettings, memory: Memory, found: Redriven) -> bool:
    if letter.topic != settings.windows_topic:
        found.elsewhere += 1
    elif letter.at in memory:
        found.already += 1
    elif letter.redrives is None or letter.redrives >= settings.max_redrives:
        found.capped += 1
    else:
        return True
    return False


class _Sender:
    """Sends letters, a transaction at a time."""

    def __init__(self, settings: RedriveSettings, memory: Memory) -> None:
        self._memory = memory
        self._group = settings.redrive_group
        self._topic = settings.windows_topic
        self._properties = settings.client_properties()
        self._metadata: dict[str, object] = {}
        self._letters: list[Letter] = []
        self._bytes = 0
        self._sent = 0
        self._errors = ClusterErrors()
        self._producer = _producer(settings, self._errors)
        # One id for all who use these groups: whoever comes later takes over.
        try:
            self._attempt(self._producer.init_transactions)
        except KafkaException as failure:
            raise self._failed(failure.args[0]) from None

    def add(self, letter: Letter) -> bool:
        """Take a letter; whether that closed a transaction."""
        self._letters.append(letter)
        self._bytes += len(letter.original.value or b"")
        if len(self._letters) < MOST_LETTERS and self._bytes < MOST_BYTES:
            return False
        self.send()
        return True

    def send(self) -> None:
        """Send what was taken, and remember it."""
        if not self._letters:
            return
        try:
            self._transact()
        except KafkaException as failure:
            raise self._failed(failure.args[0]) from None
        self._sent += len(self._letters)
        self._letters.clear()
        self._bytes = 0

    def _transact(self) -> None:
        self._producer.begin_transaction()
        for letter in self._letters:
            self._produce(letter)
            self._memory.add(letter.at)
        # A message that is not delivered fails the transaction, so that none needs a callback.
        self._producer.flush(TIMEOUT)
        for group, positions in self._memory.commits():
            if group not in self._metadata:
                self._metadata[group] = group_metadata(self._properties, group)
            self._attempt(
                self._producer.send_offsets_to_transaction, positions, self._metadata[group]
            )
        self._attempt(self._producer.commit_transaction)

    def _produce(self, letter: Letter) -> None:
        message = letter.redriven()
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                )
            except BufferError:
                self._producer.poll(RETRY_PAUSE)
            else:
                return

    def _attempt(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call, and call again what can be repeated, for `TIMEOUT` seconds."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            left = max(deadline - time.monotonic(), 0.001)
            try:
                call(*arguments, left)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._errors.fatal or time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_PAUSE)
            else:
                return

    def _failed(self, error: KafkaError) -> FatalKafkaError:
        # What cannot be aborted, Kafka aborts by itself when the transaction times out.
        with suppress(KafkaException):
            self._producer.abort_transaction(TIMEOUT)
        if error.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
            reason = "another redrive with the same --redrive-group has taken over"
        else:
            reason = f"as '{self._group}': {explain(self._errors.fatal or error)}"
        return FatalKafkaError(
            f"{self._sent:,} were redriven, and then: {reason}. Run it again to redrive the rest; "
            "nothing is sent twice"
        )


def _producer(settings: RedriveSettings, errors: ClusterErrors) -> Producer:
    own: Properties = settings.client_properties(
        enable_idempotence=True, compression_type="lz4", message_max_bytes=2 * MOST_BYTES
    )
    own |= {"transactional.id": settings.redrive_group, "error_cb": errors, "log_level": 0}
    try:
        return Producer(own)
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None
