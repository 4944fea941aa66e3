"""Malformed messages of every kind, to test that each becomes a dead letter with its reason.

A malformed message is made from that of a good measurement, cut to one window, by one change. It is
sent in addition to it, never in its place. Its key is `malformed/<kind>/<number>` whatever the
change, so that a checker can account for every one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count, cycle
from random import Random
from typing import Final, NamedTuple

import numpy as np

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import (
    SAMPLE_DTYPES,
    Measurement,
    Message,
    RejectionReason,
    encode_measurement,
)
from bearing_stream.wire import headers as h

Reason = RejectionReason


def _unchanged(value: bytes) -> bytes:
    return value


def _with_sample(value: bytes, sample: float) -> bytes:
    samples = np.frombuffer(value, SAMPLE_DTYPES["float32-le"]).copy()
    samples[WINDOW_LENGTH // 2] = sample
    return samples.tobytes()


def _record(*samples: str, length: int = WINDOW_LENGTH) -> bytes:
    """A JSON value of `length` samples, the last of which are these."""
    numbers = ["0.5"] * (length - len(samples)) + list(samples)
    return f'{{"record":[{",".join(numbers)}]}}'.encode()


class Kind(NamedTuple):
    """One way to make a message malformed.

    `reason` is the expected reason of the rejection. `headers` replaces headers by name: with no
    value to remove one, with two to repeat it. `value` makes the malformed value from the good one,
    2048 samples of float32.
    """

    reason: RejectionReason
    headers: Mapping[str, tuple[bytes, ...]] = {}
    value: Callable[[bytes], bytes | None] = _unchanged


_JSON: Final = {h.CONTENT_TYPE: (b"application/json",), h.SAMPLE_FORMAT: ()}
_FLOAT64: Final = {h.SAMPLE_FORMAT: (b"float64-le",)}
_ALL: Final = (
    *(h.SPEC_VERSION, h.TYPE, h.SOURCE, h.ID, h.TIME, h.SUBJECT, h.SAMPLING_RATE, h.SAMPLE_FORMAT),
    *(h.CONTENT_TYPE, h.UNIT, h.CHANNEL, h.SHAFT_SPEED, h.FAULT_LABEL),
)

KINDS: Final[dict[str, Kind]] = {
    "header-missing": Kind(Reason.MISSING_HEADER, {h.ID: ()}),
    "header-doubled": Kind(Reason.INVALID_HEADER, {h.ID: (b"one", b"another")}),
    "type-other": Kind(Reason.UNSUPPORTED_TYPE, {h.TYPE: (b"bearing.temperature.v1",)}),
    "format-unknown": Kind(Reason.UNSUPPORTED_FORMAT, {h.SAMPLE_FORMAT: (b"float16-le",)}),
    "rate-6-khz": Kind(Reason.WRONG_SAMPLING_RATE, {h.SAMPLING_RATE: (b"6000",)}),
    "tombstone": Kind(Reason.NO_VALUE, value=lambda _: None),
    "value-truncated": Kind(Reason.WRONG_LENGTH, value=lambda value: value[: len(value) // 2 - 1]),
    "json-broken": Kind(Reason.INVALID_JSON, _JSON, lambda _: _record()[:-2]),
    "nan": Kind(Reason.NON_FINITE, value=lambda value: _with_sample(value, np.nan)),
    "flat-line": Kind(Reason.FLAT_LINE, value=lambda value: value[:4] * WINDOW_LENGTH),
    # Up to here each reason occurs once; the kinds below are further ways to the same reasons.
    "headers-missing": Kind(Reason.MISSING_HEADER, dict.fromkeys(_ALL, ())),
    "format-missing": Kind(Reason.MISSING_HEADER, {h.SAMPLE_FORMAT: ()}),
    "header-not-utf8": Kind(Reason.INVALID_HEADER, {h.SUBJECT: (b"sensor \xff\xfe",)}),
    "header-empty": Kind(Reason.INVALID_HEADER, {h.SUBJECT: (b"",)}),
    "time-unreadable": Kind(Reason.INVALID_HEADER, {h.TIME: (b"yesterday",)}),
    "time-without-zone": Kind(Reason.INVALID_HEADER, {h.TIME: (b"2026-01-31T12:00:00",)}),
    "rate-unreadable": Kind(Reason.INVALID_HEADER, {h.SAMPLING_RATE: (b"fast",)}),
    "rate-negative": Kind(Reason.INVALID_HEADER, {h.SAMPLING_RATE: (b"-12000",)}),
    "header-too-long": Kind(Reason.INVALID_HEADER, {h.FAULT_LABEL: (b"Cage" * 2000,)}),
    "version-other": Kind(Reason.UNSUPPORTED_TYPE, {h.SPEC_VERSION: (b"0.3",)}),
    "content-type-other": Kind(Reason.UNSUPPORTED_FORMAT, {h.CONTENT_TYPE: (b"text/csv",)}),
    "value-empty": Kind(Reason.WRONG_LENGTH, value=lambda _: b""),
    "value-of-a-part": Kind(Reason.WRONG_LENGTH, value=lambda value: value + value[:2]),
    "rate-48-khz-too-short": Kind(Reason.WRONG_LENGTH, {h.SAMPLING_RATE: (b"48000",)}),
    "json-too-short": Kind(Reason.WRONG_LENGTH, _JSON, lambda _: _record(length=2047)),
    "json-not-a-record": Kind(Reason.INVALID_JSON, _JSON, lambda _: b"[1, 2, 3]"),
    "json-not-utf8": Kind(Reason.INVALID_JSON, _JSON, lambda _: b'{"record":["\xff"]}'),
    "json-flat-line": Kind(Reason.FLAT_LINE, _JSON, lambda _: _record()),
    "infinity": Kind(Reason.NON_FINITE, value=lambda value: _with_sample(value, -np.inf)),
    "json-beyond-float32": Kind(Reason.NON_FINITE, _JSON, lambda _: _record("1e39")),
    "float64-beyond-float32": Kind(
        Reason.NON_FINITE,
        _FLOAT64,
        lambda _: np.full(WINDOW_LENGTH, 1e300, SAMPLE_DTYPES["float64-le"]).tobytes(),
    ),
}
"""Every kind by name, in the order in which they are sent."""


def malformed_message(measurement: Measurement, kind: str, number: int) -> Message:
    """The malformed message of a kind, made from a good measurement.

    Args:
        measurement: With 2048 or more finite samples of any type.
        kind: A name from `KINDS`.
        number: Unique within the run.
    """
    key = f"malformed/{kind}/{number:06d}"
    samples = measurement.samples[:WINDOW_LENGTH]
    window = replace(measurement, id=key, samples=samples, sampling_rate=SAMPLING_RATE)
    good = encode_measurement(window, "float32-le")
    changes = KINDS[kind].headers
    headers = [header for header in good.headers if header[0] not in changes]
    headers += [(name, raw) for name, raws in changes.items() for raw in raws]
    assert good.value is not None
    return Message(key.encode(), KINDS[kind].value(good.value), headers)


class MalformedMix:
    """Decides where a malformed message is mixed in, at random by seed, and of which kind, in turn.

    Args:
        rate: Malformed messages per good one, 0 to 1.
        seed: The same seed selects the same windows.
    """

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._random = Random(seed)
        self._turns: Iterator[tuple[str, int]] = zip(cycle(KINDS), count(), strict=False)

    def draw(self, measurement: Measurement) -> tuple[str, Message] | None:
        """The kind and the malformed message to send after a good measurement, or None."""
        if self._random.random() >= self._rate:
            return None
        kind, number = next(self._turns)
        return kind, malformed_message(measurement, kind, number)
