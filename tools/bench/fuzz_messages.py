"""Messages good, bad and doubtful, for whatever decodes windows: structure-aware, and seeded.

Each begins as a good window and is then disguised (still good) or spoilt (bad for certain), in its
headers, in its value or in both. What neither can be said of is doubtful: it must be answered, one
way or the other.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from bearing_stream.wire import Headers, Message, SampleFormat, Window, encode_window
from bearing_stream.wire import headers as h
from tools.bench import fuzz_values as values

Verdict = Literal["good", "bad", "doubtful"]

MEGABYTE: Final = 900_000
"""Bytes of what is as large as a broker takes by default, with room for the rest."""

LARGEST: Final = 980_000
"""Bytes of a message, all in all, that a client and a broker take by default."""

FORMS: Final[tuple[tuple[SampleFormat, str], ...]] = (
    ("float32-le", h.BINARY),
    ("float64-le", h.BINARY),
    ("int16-le", h.BINARY),
    ("float64-le", h.JSON),
)

REQUIRED: Final = (h.SPEC_VERSION, h.TYPE, h.SOURCE, h.ID, h.TIME, h.SUBJECT, h.SAMPLING_RATE)

KNOWN: Final = (*REQUIRED, h.SAMPLE_FORMAT, h.SHAFT_SPEED, h.FAULT_LABEL, h.CONTENT_TYPE)

NOT_UTF8: Final = (b"\xff", b"pump \xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80abc")

LIES: Final[dict[str, tuple[bytes, ...]]] = {
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
        b"48000", b"11999.999", b"12000.001", b"nan", b"inf", b"-12000", b"0", b"1e999", b"-0.0",
        b"12 000", b"12,000", b"0x2ee0", b"12000Hz", b"true", b"1" * 5000, b"\xd9\xa1\xd9\xa2",
    ),
    h.SAMPLE_FORMAT: (b"int24-be", b"float16-le", b"FLOAT32-LE", b"float32-be", b"pickle", b"\x00"),
    h.CONTENT_TYPE: (b"text/csv", b"application/xml", b"application/x-python-pickle", b"json"),
    h.SHAFT_SPEED: (b"fast", b"-1", b"0", b"nan", b"inf", b"1e999", b"[1]"),
    h.FAULT_LABEL: (b"Cage", b"ball", b"Unknown", b"Normal ", b"0"),
}  # fmt: skip
"""Header → what it must not say."""

DOUBTFUL: Final[dict[str, tuple[bytes, ...]]] = {
    h.SAMPLING_RATE: (b"12e3", b" 12000 ", b"+12000", b"12_000", b"012000", b"12000.0000000000001"),
    h.TIME: (b"1767225600", b"2026-01-31 12:00:00Z", b"0001-01-01T00:00:00Z", b"1e9"),
    h.SHAFT_SPEED: (b"1e300", b"5e-324", b" 1797", b"1_797"),
    h.SUBJECT: (b"\x00", b" ", b"\xef\xbf\xbf", b"../../etc/passwd", b"\n", b"{}"),
    h.ID: (b"\x00" * 1024, b"\xf0\x9f\x98\x80" * 1024, b"\r\n\r\n"),
}  # fmt: skip
"""Header → what may be read or refused."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """A message, and what must become of it."""

    message: Message
    verdict: Verdict
    samples: NDArray[np.float32] | None
    """Of a good one, shape (2048,), what must be read; None of others."""


class Fuzzer:
    """Makes messages without end; the same seed makes the same ones."""

    def __init__(
        self,
        seed: int,
        shares: tuple[float, float, float] = (0.4, 0.5, 0.1),
        originals: int = 64,
        huge: float = 0.002,
    ) -> None:
        """Get ready.

        Args:
            seed: Of every choice.
            shares: Of good, bad and doubtful messages.
            originals: Different windows, before anything is done to them.
            huge: Share of those whose key, header or value is about a megabyte.
        """
        self._random = Random(seed)
        self._shares = shares
        self._huge = huge
        rng = np.random.default_rng(seed)
        self._originals = [_original(rng, n) for n in range(originals)]
        self._spoil_value: Sequence[Callable[[Random, Message], Message]] = values.SPOILERS
        self._spoil_headers = (self._miss, self._double, self._empty, self._garble, self._lie)
        self._disguises = (self._more_headers, self._shuffle, self._rekey, values.rewrite_json)

    def __iter__(self) -> Iterator[Fuzzed]:
        for number in count():
            fuzzed = self._made(number)
            # Two things of a megabyte in one: no broker takes it.
            while _size(fuzzed.message) > LARGEST:
                fuzzed = self._made(number)
            yield fuzzed

    def _made(self, number: int) -> Fuzzed:
        rng = self._random
        message, samples = rng.choice(self._originals)
        message = _with_header(message, h.ID, b"fuzz/%d" % number)
        verdict: Verdict
        (verdict,) = rng.choices(("good", "bad", "doubtful"), self._shares)
        if rng.random() < 0.3:
            message = rng.choice(self._disguises)(rng, message)
        if verdict == "good":
            return Fuzzed(message, verdict, samples)
        if verdict == "bad":
            return Fuzzed(self._spoilt(message), verdict, None)
        return Fuzzed(self._doubtful(message), verdict, None)

    def _spoilt(self, message: Message) -> Message:
        """Bad for certain, whatever else was done to it: nothing here mends anything."""
        rng = self._random
        where = rng.random()
        if where < 0.6:
            message = rng.choice(self._spoil_value)(rng, message)
        if where > 0.5:
            message = rng.choice(self._spoil_headers)(rng, message)
        return message

    def _doubtful(self, message: Message) -> Message:
        rng = self._random
        if rng.random() < 0.5:
            name = rng.choice(tuple(DOUBTFUL))
            return _with_header(message, name, rng.choice(DOUBTFUL[name]))
        return values.flip_bytes(rng, message)

    def _miss(self, rng: Random, message: Message) -> Message:
        """Leave out one required header, or all headers."""
        if rng.random() < 0.1:
            return message._replace(headers=[])
        name = rng.choice(REQUIRED)
        return message._replace(headers=[each for each in message.headers if each[0] != name])

    def _double(self, rng: Random, message: Message) -> Message:
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
        return _with_header(message, rng.choice(KNOWN), rng.choice(NOT_UTF8))

    def _lie(self, rng: Random, message: Message) -> Message:
        name = rng.choice(tuple(LIES))
        if name == h.SUBJECT and rng.random() > self._huge:
            return _with_header(message, name, LIES[name][0])
        return _with_header(message, name, rng.choice(LIES[name]))

    def _more_headers(self, rng: Random, message: Message) -> Message:
        """Headers that are nobody's business: of any content, and any number of times."""
        more: Headers = [
            (rng.choice(("x", "", "ce_id ", "CE_ID", "traceparent", "\u00fc", "a" * 300)), raw)
            for raw in rng.choices((b"", None, b"\xff\xfe", b"1", b"x" * 5000), k=rng.randrange(9))
        ]
        if rng.random() < self._huge:
            more.append(("x-huge", bytes(MEGABYTE)))
        elif rng.random() < self._huge:
            more += [("x", b"y")] * 20_000
        return message._replace(headers=[*more, *message.headers])

    def _shuffle(self, rng: Random, message: Message) -> Message:
        return message._replace(headers=rng.sample(message.headers, len(message.headers)))

    def _rekey(self, rng: Random, message: Message) -> Message:
        size = MEGABYTE if rng.random() < self._huge else 10_000
        return message._replace(key=rng.choice((None, b"", b"\xff\x00", b"k" * size)))


def _original(rng: np.random.Generator, number: int) -> tuple[Message, NDArray[np.float32]]:
    """A good message, and the samples that must be read from it."""
    sample_format, content_type = FORMS[number % len(FORMS)]
    samples: NDArray[np.float64] = rng.normal(scale=10.0 ** rng.integers(-6, 7), size=WINDOW_LENGTH)
    if sample_format == "int16-le":
        samples = rng.integers(-32768, 32768, WINDOW_LENGTH).astype(np.float64)
    window = Window(
        "/fuzz", "", f"sensor-{number:03d}", datetime.now(UTC), samples,
        shaft_speed=1797.0 if number % 3 else None,
        fault_label=FAULT_LABELS[number % 4] if number % 5 else None,
    )  # fmt: skip
    message = encode_window(window, sample_format, content_type)  # type: ignore[arg-type]
    return message, samples.astype(np.float32)


def _size(message: Message) -> int:
    """Bytes of key, value and headers, with some for the lengths of each."""
    parts = [message.key, message.value]
    headers = sum(len(name.encode()) + len(raw or b"") + 10 for name, raw in message.headers)
    return headers + sum(len(part or b"") for part in parts)


def _with_header(message: Message, name: str, raw: bytes | None) -> Message:
    """The message with one header of that name, whatever it had."""
    headers = [each for each in message.headers if each[0] != name]
    return message._replace(headers=[*headers, (name, raw)])
