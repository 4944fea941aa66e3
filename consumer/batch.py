"""A micro-batch: the windows of measurements in one buffer, and when it is due."""

from bisect import bisect
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.kafka import UnreadableBatch
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import (
    DeadLetter,
    Headers,
    MeasurementLimits,
    Message,
    Rejection,
    RejectionReason,
    RememberingDecoder,
    copy_windows,
    is_window,
    passed_on,
    readable_headers,
)
from consumer.ahead import Ahead
from consumer.messages import Accepted, KafkaMessage, Positions
from consumer.metrics import DispatchReason
from consumer.windows import cut
from model.examined import Examined

MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes after which a batch is full. It counts keys and headers, the values of rejected messages,
which it keeps unchanged, and what a measurement holds beyond its windows."""

WINDOW_BYTES: Final = WINDOW_LENGTH * np.dtype(np.float32).itemsize

AT_ONCE: Final = 32
"""Windows that are copied and checked together: they fit into the cache of a core."""

LOW_BYTES: Final = 8 * AT_ONCE * WINDOW_BYTES
"""A limit of bytes under which windows are copied and checked one by one."""

INITIAL_CAPACITY: Final = 64
"""Windows in the first batch, while it is unknown how long a batch takes. Of a device that takes a
second for a window, it must not exceed what the watchdog allows a round."""

UNREADABLE_HEADERS: Final = (
    "a header's name is not UTF-8: the client cannot read such headers, so this dead letter has "
    "none of them; find the original by `topic`, `partition` and `offset`"
)


class Batch:
    """Collects messages until they are dispatched together.

    Windows and rejected messages both count towards the capacity. A measurement that has more
    windows than are free is taken whole: a batch has too many by one measurement at most. Bytes are
    counted too, so that memory stays bounded when messages are large.
    """

    def __init__(
        self,
        capacity: int,
        max_delay: float,
        target_duration: float | None = None,
        limits: MeasurementLimits | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        """Set up an empty batch.

        Args:
            capacity: Maximum number of windows and rejected messages.
            max_delay: Seconds that a message waits at most.
            target_duration: Seconds that it may take to diagnose a batch. If given, the batch
                starts small and `record_duration` adapts its size, so that a slow device keeps to
                this time too.
            limits: Of a measurement.
            ahead: Examines windows while others are added; None where nothing does.
        """
        self._buffer: NDArray[np.float32] = np.empty((capacity, WINDOW_LENGTH), np.float32)
        self._decoder = RememberingDecoder(limits or MeasurementLimits())
        self._target_duration = target_duration
        self._max_capacity = capacity
        self._capacity = capacity if target_duration is None else min(capacity, INITIAL_CAPACITY)
        self._max_delay = max_delay
        self._ahead = ahead
        self.examine: Callable[[], Examined] | None = None
        """Returns what the assessor's method does of `samples`, if that was begun ahead."""
        self._oldest = 0.0
        self._pinned_bytes = 0
        self.byte_limit = MAX_BYTES
        self._accepted: list[Accepted] = []
        self._waiting: list[Accepted] = []
        """Messages behind those, each a window whose samples are not copied, nor checked."""
        self._dead_letters: list[DeadLetter] = []
        self.positions: Positions = {}
        self._rows = 0
        self._passed = 0

    def __len__(self) -> int:
        """Windows, and messages without a window."""
        return self._rows + len(self._waiting) + len(self._dead_letters) + self._passed

    @property
    def accepted(self) -> list[Accepted]:
        """The measurements to diagnose, in order."""
        self._read()
        return self._accepted

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """Of the messages that are rejected, in order."""
        self._read()
        return self._dead_letters

    @property
    def free(self) -> int:
        """Windows, or messages without a window, that still fit."""
        return max(self._capacity - len(self), 0) if self._pinned_bytes < self.byte_limit else 0

    @property
    def is_oversized(self) -> bool:
        """Whether a measurement has made it twice as large as it should be, or larger."""
        return self._rows >= 2 * self._capacity

    @property
    def samples(self) -> NDArray[np.float32]:
        """The windows (n, 2048), those of a measurement in a row; a view, valid until `clear`."""
        self._read()
        return self._buffer[: self._rows]

    @property
    def deadline(self) -> float:
        """The monotonic time at which the oldest message has waited for `max_delay`."""
        return self._oldest + self._max_delay

    def add(self, message: KafkaMessage, now: float) -> None:
        """Decode and check a message; one that fails becomes a dead letter.

        Never raises for what a message contains. Not called while `free` is 0.

        Args:
            message: A polled message without error.
            now: Monotonic time in seconds.
        """
        if not self.positions:
            self._oldest = now
        headers = readable_headers(message)
        try:
            if isinstance(message, UnreadableBatch):
                raise Rejection(RejectionReason.UNREADABLE_BATCH, message.detail)
            if headers is None:
                raise Rejection(RejectionReason.INVALID_HEADER, UNREADABLE_HEADERS)
            self._take(message, headers)
        except Rejection as rejection:
            self._read()
            self._reject(message, rejection, headers or [])
        self._pinned_bytes += len(message.key() or b"")
        self._pinned_bytes += sum([len(name) + len(raw or b"") for name, raw in headers or ()])
        self.positions[message.topic(), message.partition()] = message.offset() + 1
        if self._ahead is not None and self._rows >= self._ahead.due:
            self._ahead.begin(self.samples)

    def _take(self, message: KafkaMessage, headers: Headers) -> None:
        """Add a measurement to the accepted ones, or to those that wait to be copied together.

        Raises:
            Rejection: It cannot be diagnosed.
        """
        attributes, value = self._decoder.attributes(headers), message.value()
        one = Accepted(
            attributes,
            passed_on(headers, attributes.ignored),
            message.topic(),
            message.partition(),
            message.offset(),
            message.timestamp()[1],
            message,
        )
        if not is_window(attributes, value):
            self._read()
            windows = self._add(one)
            self._pinned_bytes += max(len(value or b"") - windows * WINDOW_BYTES, 0)
            return
        waiting = self._waiting
        if waiting and waiting[0].attributes.sample_format != attributes.sample_format:
            self._read()
        waiting.append(one)
        # Those that are rejected count from then on, which must not exceed a low limit by much.
        if len(waiting) >= AT_ONCE or self.byte_limit < LOW_BYTES:
            self._read()

    def _read(self) -> None:
        """Copy the windows that wait; those that cannot be diagnosed become dead letters."""
        if not self._waiting:
            return
        waiting = self._waiting.copy()
        self._waiting.clear()
        end = self._rows + len(waiting)
        if end <= len(self._buffer):
            values = [one.message.value() or b"" for one in waiting]
            sample_format = waiting[0].attributes.sample_format
            if copy_windows(values, sample_format, self._buffer[self._rows : end]):
                self._accepted += waiting
                self._rows = end
                return
        for one in waiting:
            try:
                self._add(one)
            except Rejection as rejection:
                self._reject(one.message, rejection)

    def _add(self, one: Accepted) -> int:
        """Decode the samples of a measurement, and copy its windows into the buffer.

        Returns:
            How many windows it has.

        Raises:
            Rejection: It cannot be diagnosed.
        """
        attributes = one.attributes
        samples = self._decoder.samples(attributes, one.message.value())
        windows = cut(samples, attributes.sampling_rate)
        rows = slice(self._rows, self._rows + len(windows.samples))
        if rows.stop > len(self._buffer):
            self._buffer = np.concatenate([self._buffer[: self._rows], windows.samples])
        else:
            self._buffer[rows] = windows.samples
        self._rows = rows.stop
        self._accepted.append(one._replace(windows=len(windows.samples), defects=windows.defects))
        return len(windows.samples)

    def _reject(
        self, message: KafkaMessage, rejection: Rejection, headers: Headers | None = None
    ) -> None:
        """Add a dead letter; without `headers`, those that the client has already read."""
        if headers is None:
            headers = message.headers() or []
        _, timestamp = message.timestamp()
        original = Message(message.key(), message.value(), headers, timestamp)
        where = message.topic(), message.partition(), message.offset()
        self._dead_letters.append(DeadLetter(*where, rejection.reason, rejection.detail, original))
        self._pinned_bytes += len(message.value() or b"")

    def pass_over(self, done: Positions, now: float) -> None:
        """Take the positions of messages that need no result, with those of the other messages.

        Args:
            done: The next offset of their partitions.
            now: Monotonic time in seconds.
        """
        if not self.positions:
            self._oldest = now
        for partition, offset in done.items():
            self.positions[partition] = max(self.positions.get(partition, 0), offset)
        self._passed += len(done)

    def reject(self, index: int, reason: RejectionReason, detail: str) -> None:
        """Turn an accepted measurement into a dead letter; the windows after its own move up.

        Args:
            index: Of `accepted`.
            reason: Why.
            detail: What was found.
        """
        self.examine = None
        begin = sum(one.windows for one in self.accepted[:index])
        taken = self._accepted.pop(index)
        left = self._rows - taken.windows
        self._buffer[begin:left] = self._buffer[begin + taken.windows : self._rows].copy()
        self._rows = left
        self._reject(taken.message, Rejection(reason, detail))

    def part(self, first: int, end: int) -> "Batch":
        """Return a batch of the accepted measurements from `first` to `end`; it shares windows."""
        part = Batch(0, 0.0)
        part._accepted = self.accepted[first:end]
        begin = sum(one.windows for one in self._accepted[:first])
        part._buffer = self._buffer[begin:]
        part._rows = sum(one.windows for one in part._accepted)
        return part

    def parts(self) -> "list[Batch]":
        """Return batches of the accepted measurements, to be diagnosed one after the other.

        There is none without measurements. They are two where windows are examined ahead, so that
        those of the second are examined while the diagnoses of the first are published. They share
        windows with this batch.
        """
        if self._ahead is None or not self._ahead.has_begun:
            return [self.part(0, len(self.accepted))] if self.accepted else []
        self._ahead.begin(self.samples)
        rows = [0, *accumulate(one.windows for one in self.accepted)]
        middle = bisect(rows, self._rows // 2)
        parts = []
        for first, end in ((0, middle), (middle, len(self.accepted))):
            if first < end:
                part = self.part(first, end)
                part.examine = partial(self._ahead.examined, rows[first], rows[end])
                parts.append(part)
        return parts

    def due(self, now: float) -> DispatchReason | None:
        """Why the batch is to be dispatched now, by size or by age; None if it is not."""
        if not len(self):
            return None
        if not self.free:
            return DispatchReason.FULL
        return DispatchReason.DELAY if now >= self.deadline else None

    def record_duration(self, seconds: float) -> None:
        """Adapt the capacity to the time that the windows in the batch took; at most double it.

        Args:
            seconds: Duration of diagnosing the windows that are in the batch now.
        """
        windows = len(self.samples)
        if self._target_duration is None or not windows:
            return
        fitting = int(self._target_duration * windows / max(seconds, 1e-9))
        # The duration of a small batch predicts that of a large one badly, unless it was too long
        # itself.
        limit = max(self._capacity, 2 * windows)
        self._capacity = max(min(fitting, limit, self._max_capacity), 1)

    def clear(self) -> None:
        """Drop all messages, and the memory that a large measurement took."""
        if self._ahead is not None:
            self._ahead.clear()
        self._accepted.clear()
        self._waiting.clear()
        self._dead_letters.clear()
        self.positions.clear()
        self._rows = self._pinned_bytes = self._passed = 0
        if len(self._buffer) > self._max_capacity:
            self._buffer = np.empty((self._max_capacity, WINDOW_LENGTH), np.float32)
