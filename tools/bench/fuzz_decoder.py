"""Passes fuzzed messages to the decoder."""

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
import psutil

from bearing_stream.wire import DeadLetter, Rejection, RejectionReason, decode_measurement
from tools.bench.errors import BenchError
from tools.bench.fuzz_messages import Fuzzed, Fuzzer

WARM_UP: Final = 10
"""The warm-up is this fraction of the messages; memory must be constant after it."""


@dataclass
class DecodeCounts:
    """Counts of decoded messages. Memory is in bytes, times are in seconds."""

    messages: int = 0
    good: int = 0
    """Valid messages, decoded to exactly the samples that were encoded."""
    ambiguous_read: int = 0
    """Ambiguous messages that were decoded."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Rejected messages by reason."""
    slowest: float = 0.0
    """CPU time of the slowest message."""
    slowest_message: int = -1
    rss_warm: int = 0
    rss_end: int = 0
    seconds: float = 0.0


def fuzz_decoder(messages: int, seed: int) -> DecodeCounts:
    """Decode this many fuzzed messages.

    Raises:
        BenchError: A message gave neither the right samples nor a rejection from the closed list.
            Number and seed in the error reproduce the message.
    """
    counts, process = DecodeCounts(), psutil.Process()
    begin = time.monotonic()
    for number, fuzzed in enumerate(islice(Fuzzer(seed), messages)):
        started = time.thread_time()
        try:
            _decode(fuzzed, counts)
        except Exception as error:
            raise BenchError(f"message {number} of seed {seed}: {error!r}") from error
        if (duration := time.thread_time() - started) > counts.slowest:
            counts.slowest, counts.slowest_message = duration, number
        if number == messages // WARM_UP:
            counts.rss_warm = process.memory_info().rss
    counts.messages, counts.rss_end = messages, process.memory_info().rss
    counts.seconds = time.monotonic() - begin
    return counts


def _decode(fuzzed: Fuzzed, counts: DecodeCounts) -> None:
    message = fuzzed.message
    try:
        _, read = decode_measurement(message.headers, message.value)
    except Rejection as rejection:
        if fuzzed.expectation == "good":
            raise
        reason = RejectionReason(rejection.reason).value
        counts.rejected[reason] = counts.rejected.get(reason, 0) + 1
        DeadLetter("t", 0, 0, rejection.reason, rejection.detail, message).message("fuzz")
        return
    if fuzzed.expectation == "bad":
        raise BenchError("an invalid measurement was decoded")
    samples = read.astype(np.float32)
    if not np.isfinite(samples).all():
        raise BenchError("samples are not finite")
    if fuzzed.samples is None:
        counts.ambiguous_read += 1
        return
    if not np.array_equal(samples, fuzzed.samples):
        raise BenchError("the samples differ from those encoded")
    counts.good += 1
