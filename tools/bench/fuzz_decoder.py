"""Fuzzed messages straight into the decoder."""

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import DeadLetter, Rejection, RejectionReason, decode_window
from tools.bench.fuzz_messages import Fuzzed, Fuzzer
from tools.bench.runs import BenchError

WARM_UP: Final = 10
"""After one in so many of the messages memory must be flat."""


@dataclass
class Outcome:
    """What the decoder made of many messages. Memory is in bytes, times are in seconds."""

    messages: int = 0
    good: int = 0
    """Read, to the last sample as they were written."""
    doubtful_read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """By reason."""
    slowest: float = 0.0
    """CPU time of the one that took longest."""
    slowest_message: int = -1
    rss_warm: int = 0
    rss_end: int = 0
    seconds: float = 0.0


def fuzz_decoder(messages: int, seed: int) -> Outcome:
    """Decode so many fuzzed messages.

    Raises:
        BenchError: Anything but the right samples or a rejection from the closed list came of one;
            names the message by its number, which with the seed makes it again.
    """
    outcome, process = Outcome(), psutil.Process()
    samples = np.empty(WINDOW_LENGTH, np.float32)
    began = time.monotonic()
    for number, fuzzed in enumerate(islice(Fuzzer(seed), messages)):
        started = time.thread_time()
        try:
            _decode(fuzzed, samples, outcome)
        except Exception as error:
            raise BenchError(f"message {number} of seed {seed}: {error!r}") from error
        if (took := time.thread_time() - started) > outcome.slowest:
            outcome.slowest, outcome.slowest_message = took, number
        if number == messages // WARM_UP:
            outcome.rss_warm = process.memory_info().rss
    outcome.messages, outcome.rss_end = messages, process.memory_info().rss
    outcome.seconds = time.monotonic() - began
    return outcome


def _decode(fuzzed: Fuzzed, samples: NDArray[np.float32], outcome: Outcome) -> None:
    message = fuzzed.message
    samples.fill(np.nan)
    try:
        decode_window(message.headers, message.value, samples)
    except Rejection as rejection:
        if fuzzed.verdict == "good":
            raise
        reason = RejectionReason(rejection.reason).value
        outcome.rejected[reason] = outcome.rejected.get(reason, 0) + 1
        DeadLetter("t", 0, 0, rejection.reason, rejection.detail, message).message()
        return
    if fuzzed.verdict == "bad":
        raise BenchError("it is no window, and was taken for one")
    if not np.isfinite(samples).all():
        raise BenchError("samples are not finite")
    if fuzzed.samples is None:
        outcome.doubtful_read += 1
        return
    if not np.array_equal(samples, fuzzed.samples):
        raise BenchError("samples are others than those written")
    outcome.good += 1
