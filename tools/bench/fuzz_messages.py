"""Valid, invalid and ambiguous messages to fuzz the decoding: structured and seeded.

Each is derived from a valid measurement: changed such that it remains valid, or corrupted such that
it is certainly invalid, in its headers, its value or both. An ambiguous message may be decoded or
rejected.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bearing_stream.sampling import least_length
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE
from bearing_stream.wire import Headers, Measurement, Message, SampleFormat, encode_measurement
from bearing_stream.wire import headers as h
from bearing_stream.wire.samples import SAMPLE_BYTES
from tools.bench import fuzz_values as values

Expectation = Literal["good", "bad", "ambiguous"]

MEGABYTE: Final = 900_000
"""Bytes of a part that is nearly as large as a broker accepts by default."""

LARGEST: Final = 980_000
"""Bytes of a whole message that a client and a broker accept by default."""

FORMS: Final[tuple[tuple[SampleFormat, str], ...]] = (
    ("float32-le", h.BINARY),
    ("float64-le", h.BINARY),
    ("int16-le", h.BINARY),
    ("int24-le", h.BINARY),
    ("int32-le", h.BINARY),
    ("float64-le", h.JSON),
)

RATES: Final = (SAMPLING_RATE, SAMPLING_RATE, 25_600, 48_000, 51_200, 44_100, 11_999.3, 97_656.25)
"""Of the original messages in turn; half of those at the model's rate hold one window."""

REQUIRED: Final = (h.SPEC_VERSION, h.TYPE, h.SOURCE, h.ID, h.TIME, h.SUBJECT, h.SAMPLING_RATE)

KNOWN: Final = (*REQUIRED, h.SAMPLE_FORMAT, h.SHAFT_SPEED, h.FAULT_LABEL, h.CONTENT_TYPE)

NOT_UTF8: Final = (b"\xff", b"pump \xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80abc")

INVALID_VALUES: Final[dict[str, tuple[bytes, ...]]] = {
    h.SPEC_VERSION: (b"0.3", b"2.0", b"1", b"1.0.0", b"v1.0", b"\x00"),
    h.TYPE: (b"bearing.vibration.window.v2", b"bearing.diagnosis.v1", b"x", b"\xe2\x84\xa2"),
    h.SOURCE: (b"s" * 1025,),
    h.ID: (b"i" * 1025, b"\xc3\xa9" * 1025),
    h.SUBJECT: (b"p" * 1025, b"p" * MEGABYTE),
    h.TIME: (
        b"yesterday", b"2026-01-31T12:00:00", b"2026-13-01T00:00:00Z", b"2026-02-30T00:00:00Z",
        b"12:00:00Z", b"nan", b"inf", b"9" * 400, b"2026-01-31T12:00:00+99:00",
    ),
    h.SAMPLING_RATE: (
        b"6000", b"11879.9", b"1000001", b"1e9", b"nan", b"inf", b"-12000", b"0", b"1e999", b"-0.0",
        b"12 000", b"12,000", b"0x2ee0", b"12000Hz", b"true", b"1" * 5000, b"\xd9\xa1\xd9\xa2",
    ),
    h.SAMPLE_FORMAT: (b"int24-be", b"float16-le", b"FLOAT32-LE", b"float32-be", b"pickle", b"\x00"),
    h.CONTENT_TYPE: (b"text/csv", b"application/xml", b"application/x-python-pickle", b"json"),
    h.SHAFT_SPEED: (b"1" * 4097,),
    h.FAULT_LABEL: (b"Normal" * 1000,),
}  # fmt: skip
"""Header → values that must be rejected."""

IGNORED: Final[dict[str, tuple[bytes | None, ...]]] = {
    h.SHAFT_SPEED: (
        b"fast", b"-1", b"0", b"nan", b"inf", b"1e999", b"[1]", b"", None, *NOT_UTF8,
    ),
    h.FAULT_LABEL: (b"Cage", b"ball", b"Unknown", b"Normal ", b"0", b"", None, *NOT_UTF8),
}  # fmt: skip
"""Optional header → values that must be ignored."""

CONTENT_TYPES: Final = {
    h.BINARY: (b"Application/Octet-Stream", b"application/octet-stream ;a=b"),
    h.JSON: (b"application/json; charset=utf-8", b'APPLICATION/JSON;charset="UTF-8"'),
}
"""Content type → ways to write it."""

AMBIGUOUS: Final[dict[str, tuple[bytes, ...]]] = {
    h.SAMPLING_RATE: (b"12e3", b" 12000 ", b"+12000", b"12_000", b"012000", b"12000.0000000000001",
        b"48000", b"11999.999", b"12000.001"),
    h.TIME: (b"1767225600", b"2026-01-31 12:00:00Z", b"0001-01-01T00:00:00Z", b"1e9"),
    h.SHAFT_SPEED: (b"1e300", b"5e-324", b" 1797", b"1_797"),
    h.SUBJECT: (b"\x00", b" ", b"\xef\xbf\xbf", b"../../etc/passwd", b"\n", b"{}"),
    h.ID: (b"\x00" * 1024, b"\xf0\x9f\x98\x80" * 1024, b"\r\n\r\n"),
}  # fmt: skip
"""Header → values that may be accepted or rejected."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """A message, and the expected result."""

    message: Message
    expectation: Expectation
    samples: NDArray[np.float32] | None
    """The expected samples of a valid message, shape (n,); None for others."""


class Fuzzer:
    """Generates messages without end; the same seed generates the same messages."""

    def __init__(
        self,
        seed: int,
        shares: tuple[float, float, float] = (0.4, 0.5, 0.1),
        originals: int = 64,
        huge: float = 0.002,
    ) -> None:
        """Generate the original measurements.

        Args:
            seed: Of the random generators.
            shares: Of valid, invalid and ambiguous messages.
            originals: Number of different originals.
            huge: Share of messages with a key, header or value of about a megabyte.
        """
        self._random = Random(seed)
        self._shares = shares
        self._huge = huge
        rng = np.random.default_rng(seed)
        self._originals = [_original(rng, n) for n in range(originals)]
        self._corrupt_value: Sequence[Callable[[Random, Message], Message]] = values.CORRUPTIONS
        self._corrupt_headers = (
            *(self._remove, self._duplicate, self._empty, self._garble, self._invalidate),
        )
        self._valid_changes = (
            *(self._add_headers, self._shuffle, self._change_key, values.rewrite_json),
            self._spoil_optional,
        )

    def __iter__(self) -> Iterator[Fuzzed]:
        for number in count():
            fuzzed = self._generate(number)
            # Two parts of a megabyte: no broker accepts the message.
            while _size(fuzzed.message) > LARGEST:
                fuzzed = self._generate(number)
            yield fuzzed

    def _generate(self, number: int) -> Fuzzed:
        rng = self._random
        message, samples = rng.choice(self._originals)
        message = _with_header(message, h.ID, b"fuzz/%d" % number)
        expectation: Expectation
        (expectation,) = rng.choices(("good", "bad", "ambiguous"), self._shares)
        if rng.random() < 0.3:
            message = rng.choice(self._valid_changes)(rng, message)
        if expectation == "good":
            # Last: other changes expect the content type where the encoder writes it.
            if rng.random() < 0.3:
                message = self._rewrite_content_type(rng, message)
            return Fuzzed(message, expectation, samples)
        if expectation == "bad":
            return Fuzzed(self._corrupt(message), expectation, None)
        return Fuzzed(self._make_ambiguous(message), expectation, None)

    def _corrupt(self, message: Message) -> Message:
        """Return a certainly invalid message; no other change makes it valid again."""
        rng = self._random
        where = rng.random()
        if where < 0.6:
            message = rng.choice(self._corrupt_value)(rng, message)
        if where > 0.5:
            message = rng.choice(self._corrupt_headers)(rng, message)
        return message

    def _make_ambiguous(self, message: Message) -> Message:
        rng = self._random
        if rng.random() < 0.5:
            name = rng.choice(tuple(AMBIGUOUS))
            return _with_header(message, name, rng.choice(AMBIGUOUS[name]))
        return values.flip_bytes(rng, message)

    def _remove(self, rng: Random, message: Message) -> Message:
        """Remove one required header, or all headers."""
        if rng.random() < 0.1:
            return message._replace(headers=[])
        name = rng.choice(REQUIRED)
        return message._replace(headers=[each for each in message.headers if each[0] != name])

    def _duplicate(self, rng: Random, message: Message) -> Message:
        known = [each for each in message.headers if each[0] in KNOWN]
        if not known:
            return message
        again = rng.choice(known) if rng.random() < 0.5 else (rng.choice(known)[0], b"other")
        headers = list(message.headers)
        headers.insert(rng.randrange(len(headers) + 1), again)
        return message._replace(headers=headers)

    def _empty(self, rng: Random, message: Message) -> Message:
        return _with_header(message, rng.choice(REQUIRED), rng.choice((b"", None)))

    def _garble(self, rng: Random, message: Message) -> Message:
        name = rng.choice((*REQUIRED, h.SAMPLE_FORMAT, h.CONTENT_TYPE))
        return _with_header(message, name, rng.choice(NOT_UTF8))

    def _invalidate(self, rng: Random, message: Message) -> Message:
        name = rng.choice(tuple(INVALID_VALUES))
        if name == h.SUBJECT and rng.random() > self._huge:
            return _with_header(message, name, INVALID_VALUES[name][0])
        return _with_header(message, name, rng.choice(INVALID_VALUES[name]))

    def _add_headers(self, rng: Random, message: Message) -> Message:
        """Add unknown headers with any content, any number of times."""
        more: Headers = [
            (rng.choice(("x", "", "ce_id ", "CE_ID", "traceparent", "\u00fc", "a" * 300)), raw)
            for raw in rng.choices((b"", None, b"\xff\xfe", b"1", b"x" * 5000), k=rng.randrange(9))
        ]
        if rng.random() < self._huge:
            more.append(("x-huge", bytes(MEGABYTE)))
        elif rng.random() < self._huge:
            more += [("x", b"y")] * 20_000
        return message._replace(headers=[*more, *message.headers])

    def _spoil_optional(self, rng: Random, message: Message) -> Message:
        """Give an optional header a value that is ignored."""
        name = rng.choice(tuple(IGNORED))
        return _with_header(message, name, rng.choice(IGNORED[name]))

    def _rewrite_content_type(self, rng: Random, message: Message) -> Message:
        """Write the content type in another way, or in another header."""
        [given] = [raw for name, raw in message.headers if name == h.CONTENT_TYPE]
        headers = [each for each in message.headers if each[0] != h.CONTENT_TYPE]
        name = rng.choice((h.CONTENT_TYPE, "Content-Type", h.DATA_CONTENT_TYPE))
        written = rng.choice(CONTENT_TYPES[(given or b"").decode()])
        return message._replace(headers=[*headers, (name, written)])

    def _shuffle(self, rng: Random, message: Message) -> Message:
        return message._replace(headers=rng.sample(message.headers, len(message.headers)))

    def _change_key(self, rng: Random, message: Message) -> Message:
        size = MEGABYTE if rng.random() < self._huge else 10_000
        return message._replace(key=rng.choice((None, b"", b"\xff\x00", b"k" * size)))


def _original(rng: np.random.Generator, number: int) -> tuple[Message, NDArray[np.float32]]:
    """Return a valid message, and the samples that must be decoded from it."""
    sample_format, content_type = FORMS[number % len(FORMS)]
    rate = RATES[number % len(RATES)]
    length = least_length(rate)
    if number % 4:
        length += int(rng.integers(0, 4000))
    samples: NDArray[np.float64] = rng.normal(scale=10.0 ** rng.integers(-6, 7), size=length)
    if sample_format.startswith("int"):
        bits = 8 * SAMPLE_BYTES[sample_format] - 1
        samples = rng.integers(-(2**bits), 2**bits, length).astype(np.float64)
    measurement = Measurement(
        "/fuzz", "", f"sensor-{number:03d}", datetime.now(UTC), samples, rate,
        shaft_speed=1797.0 if number % 3 else None,
        fault_label=FAULT_LABELS[number % 4] if number % 5 else None,
        unit="g" if number % 2 else None,
        channel="x" if number % 3 == 1 else None,
    )  # fmt: skip
    message = encode_measurement(measurement, sample_format, content_type)  # type: ignore[arg-type]
    return message, samples.astype(np.float32)


def _size(message: Message) -> int:
    """Return the bytes of key, value and headers, including their encoded lengths."""
    parts = [message.key, message.value]
    headers = sum(len(name.encode()) + len(raw or b"") + 10 for name, raw in message.headers)
    return headers + sum(len(part or b"") for part in parts)


def _with_header(message: Message, name: str, raw: bytes | None) -> Message:
    """Return the message with exactly one header of this name."""
    headers = [each for each in message.headers if each[0] != name]
    return message._replace(headers=[*headers, (name, raw)])
