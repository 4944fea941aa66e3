"""Send originals back to the windows topic, and record it in the same transaction."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.commands.dead_letters.letters import Letter, read_matching
from bearing_stream.commands.dead_letters.redrive_history import RedriveHistory, group_metadata
from bearing_stream.commands.dead_letters.settings import RedriveSettings
from bearing_stream.kafka import (
    ClusterErrors,
    FatalKafkaError,
    TopicReader,
    admin_client,
    explain,
    new_client,
)
from bearing_stream.kafka.connection import ONE_REQUEST_AT_A_TIME, PARTITIONER, Properties
from bearing_stream.wire import RejectionReason

MAX_LETTERS: Final = 500
"""Letters in a transaction."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of values in a transaction; the last value may exceed it."""

TIMEOUT: Final = 60.0
"""Seconds for a step of a transaction."""

RETRY_INTERVAL: Final = 0.1
"""Seconds between two attempts."""


@dataclass(slots=True)
class RedriveReport:
    """Counts of what was redriven, or of what would be redriven."""

    executed: bool
    """Whether messages were sent; otherwise, `sent` is what would be sent."""
    sent: Counter[str] = field(default_factory=Counter)
    """Messages sent to the windows topic, by reason."""
    already: int = 0
    """Matching letters that were redriven before."""
    capped: int = 0
    """Matching letters with the maximum number of redrives, or an invalid count of them."""
    elsewhere: int = 0
    """Matching letters whose original is from another topic."""
    stubs: int = 0
    """Matching letters that do not hold their original: it was too large, or is of a batch that
    cannot be unpacked."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "executed": self.executed,
            # `sent` counts also what a dry run would send: users rely on it.
            "sent": self.sent.total(),
            "would_send": 0 if self.executed else self.sent.total(),
            "by_reason": dict(self.sent),
            "already": self.already,
            "capped": self.capped,
            "elsewhere": self.elsewhere,
            "stubs": self.stubs,
        }


def redrive(
    settings: RedriveSettings,
    execute: bool = False,
    progress: Callable[[RedriveReport], None] = lambda _: None,
) -> RedriveReport:
    """Send the originals of the letters that match back to the windows topic.

    An original loses its error headers, and its header `bearing-redrives` is incremented. The
    history is committed in the same transaction, so no letter is sent twice, however often this
    runs and wherever it was interrupted, for as long as Kafka keeps the history.

    Args:
        settings: Which letters, to which topic, and the maximum number of redrives.
        execute: Send; otherwise only count what would be sent.
        progress: Called with the counts so far, after each transaction.

    Raises:
        FatalKafkaError: Kafka is unreachable or refuses a request, or another redrive has taken
            over. Only the transactions committed before are sent.
    """
    properties = settings.client_properties()
    history = RedriveHistory(settings.dead_letters_topic, settings.redrive_group)
    report = RedriveReport(execute)
    sender = _Sender(settings, history) if execute else None
    with TopicReader(properties, settings.dead_letters_topic) as reader:
        spans = reader.spans()
        # Only after the sender was created: a redrive that it fenced commits nothing more.
        history.load(admin_client(properties), spans)
        for letter in read_matching(reader, spans, settings):
            if not _is_eligible(letter, settings, history, report):
                continue
            report.sent[letter.reason] += 1
            if sender is not None and sender.add(letter):
                progress(report)
            if report.sent.total() == settings.limit:
                break
    if sender is not None:
        sender.send()
    progress(report)
    return report


def _is_eligible(
    letter: Letter, settings: RedriveSettings, history: RedriveHistory, report: RedriveReport
) -> bool:
    """Return whether to send a letter; count it in `report` if not."""
    if letter.topic != settings.windows_topic:
        report.elsewhere += 1
    elif letter.stub is not None or letter.reason == RejectionReason.UNREADABLE_BATCH:
        report.stubs += 1
    elif letter.record in history:
        report.already += 1
    elif letter.redrives is None or letter.redrives >= settings.max_redrives:
        report.capped += 1
    else:
        return True
    return False


class _Sender:
    """Sends letters in transactions."""

    def __init__(self, settings: RedriveSettings, history: RedriveHistory) -> None:
        self._history = history
        self._group = settings.redrive_group
        self._topic = settings.windows_topic
        self._properties = settings.client_properties()
        self._metadata: dict[str, object] = {}
        self._letters: list[Letter] = []
        self._bytes = 0
        self._sent = 0
        self._errors = ClusterErrors()
        self._producer = _producer(settings, self._errors)
        # One transactional id for all that use these groups: a later redrive fences an earlier one.
        try:
            self._attempt(self._producer.init_transactions)
        except KafkaException as failure:
            raise self._abort(failure.args[0]) from None

    def add(self, letter: Letter) -> bool:
        """Add a letter; return whether that completed a transaction."""
        self._letters.append(letter)
        self._bytes += len(letter.original.value or b"")
        if len(self._letters) < MAX_LETTERS and self._bytes < MAX_BYTES:
            return False
        self.send()
        return True

    def send(self) -> None:
        """Send the added letters, and record them in the history."""
        if not self._letters:
            return
        try:
            self._transact()
        except KafkaException as failure:
            raise self._abort(failure.args[0]) from None
        self._sent += len(self._letters)
        self._letters.clear()
        self._bytes = 0

    def _transact(self) -> None:
        self._producer.begin_transaction()
        for letter in self._letters:
            self._produce(letter)
            self._history.add(letter.record)
        # A message that is not delivered fails the transaction, so no delivery callback is needed.
        self._producer.flush(TIMEOUT)
        for group, positions in self._history.commits():
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
                self._producer.poll(RETRY_INTERVAL)
            else:
                return

    def _attempt(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call, and repeat the call after retriable errors, for up to `TIMEOUT` seconds."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            left = max(deadline - time.monotonic(), 0.001)
            try:
                call(*arguments, left)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._errors.fatal or time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_INTERVAL)
            else:
                return

    def _abort(self, error: KafkaError) -> FatalKafkaError:
        """Abort the transaction; return the error to raise."""
        # If the abort fails, Kafka aborts the transaction when it times out.
        with suppress(KafkaException):
            self._producer.abort_transaction(TIMEOUT)
        if error.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
            reason = "another redrive with the same --redrive-group has taken over"
        else:
            reason = f"as '{self._group}': {explain(self._errors.fatal or error)}"
        return FatalKafkaError(
            f"{self._sent:,} were redriven, and then: {reason}. Run it again to redrive the rest; "
            "those are not sent again"
        )


def _producer(settings: RedriveSettings, errors: ClusterErrors) -> Producer:
    own: Properties = settings.client_properties(
        enable_idempotence=True,
        partitioner=PARTITIONER,
        compression_type="lz4",
        message_max_bytes=2 * MAX_BYTES,
    )
    own |= {"transactional.id": settings.redrive_group, "error_cb": errors, "log_level": 0}
    own |= ONE_REQUEST_AT_A_TIME
    return new_client(Producer, own)
