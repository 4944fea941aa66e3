"""Changes to the value of a message: each function returns a changed message."""

import json
import struct
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any, Final

import numpy as np

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import Message
from bearing_stream.wire import headers as h
from bearing_stream.wire.samples import SAMPLE_BYTES, pack

MAX_BYTES: Final = 900_000

TOO_FEW: Final = 2000
"""Samples that make no window at any rate that is allowed."""

NUMBERS: Final = ["0.25", "-1"] * (WINDOW_LENGTH // 2)

BAD_ELEMENTS: Final = (
    '"1.0"', "true", "null", "[]", "{}", "[[1]]", "NaN", "Infinity", "-Infinity", "1e999", "nan",
    "1e39", "+1", ".5", "1.", "01", "0x1", "1e", "--1", "1" * 400, "9" * 100_000, "undefined",
    '"\\ud800"', '"\ufeff"', "1 2", "", "// 1", "'1'", "1e99999999999999999999", "-" + "1" * 4000,
)  # fmt: skip
"""Elements that are not a number within float32."""

DOCUMENTS: Final = (
    b"", b" ", b"null", b"1", b'"record"', b"[]", b"{}", b'{"record"', b'{"record":}', b"\x00",
    b'{"record":null}', b'{"record":{}}', b'{"record":[]}', b'{"record":"AAAA"}', b'{"Record":[1]}',
    b'{"record":[1],"record":2}', b"\xef\xbb\xbf{}", '{"record":[1]}'.encode("utf-16"), b"[" * 100,
    b"[" * 100_000, b'{"a":' * 20_000, b'{"record":' + b"[" * 60_000, b"[" * 50_000 + b"]" * 50_000,
    b'{"record":[' + b"1," * 60_000, b'{"record":[' + b"1," * 400_000 + b"1]}", b" " * MAX_BYTES,
    b'{"record":[' + b" " * 100_000 + b"]}", b'{"' + b"k" * 100_000 + b'":1}', b"{'record':[1]}",
    b'{"record":[1]} x', b'{"record":[1,]}', b'{"record":[1 /* */]}', b"\xff\xfe",
    b'{"re\xffcord":1}', b'{"record":[NaN]}', b'{"record":[' + b"1e5," * 2047 + b"]}",
    b'{"\\u0000":[1]}',
)  # fmt: skip
"""JSON, or nearly JSON, that is not a record of a window or more."""


def form_of(message: Message) -> str:
    """Return `json`, or the sample format in the headers."""
    headers = dict(message.headers)
    for name, raw in message.headers:
        is_content_type = name.lower() in (h.CONTENT_TYPE, h.DATA_CONTENT_TYPE)
        if is_content_type and (raw or b"").lower().startswith(h.JSON.encode()):
            return "json"
    return (headers.get(h.SAMPLE_FORMAT) or b"").decode()


def _sample_bytes(message: Message) -> int:
    """Return the bytes of a packed sample; 0 for JSON."""
    return {str(name): size for name, size in SAMPLE_BYTES.items()}.get(form_of(message), 0)


def rewrite_json(rng: Random, message: Message) -> Message:
    """Encode the same samples as other JSON; a binary value is not changed."""
    if form_of(message) != "json" or message.value is None:
        return message
    value = message.value
    variants: tuple[Callable[[], bytes], ...] = (
        lambda: value.replace(b",", b" ,\n\t"),
        lambda: b'{"more":[null,{"record":1}],' + value[1:],
        lambda: value[:-1] + b',"note":"\\ud83d\\ude00"}',
        lambda: b'{"record":[1],' + value[1:],
        lambda: b" " * 50_000 + value,
    )
    return message._replace(value=rng.choice(variants)())


def flip_bytes(rng: Random, message: Message) -> Message:
    """Change some bytes of the value."""
    value = bytearray(message.value or b"")
    for _ in range(rng.choice((1, 1, 2, 50))):
        value[rng.randrange(len(value))] = rng.randrange(256)
    return message._replace(value=bytes(value))


def _nothing(_rng: Random, message: Message) -> Message:
    return message._replace(value=None)


def _cut(rng: Random, message: Message) -> Message:
    value, size = message.value or b"", _sample_bytes(message)
    left = rng.randrange(len(value))
    if size and left % size == 0 and left >= TOO_FEW * size:
        left -= 1
    return message._replace(value=value[:left])


def _extend(rng: Random, message: Message) -> Message:
    # Not with spaces, which are valid at the end of JSON; nor by a whole number of samples.
    more = rng.choice((b"\x00", b"x", b"]}0", bytes(4097), bytes(100_001)))
    if len(more) % (_sample_bytes(message) or 1) == 0:
        more += b"\x00"
    return message._replace(value=(message.value or b"") + more)


def _noise(rng: Random, message: Message) -> Message:
    size = rng.choice((0, 1, 2047, 2048, 4095, 8191, 8193, rng.randrange(20_000)))
    value = b"\x01" + rng.randbytes(size)
    of_sample = _sample_bytes(message)
    if of_sample and len(value) >= TOO_FEW * of_sample and len(value) % of_sample == 0:
        value += b"\x01"
    return message._replace(value=value)


def _other_format(rng: Random, message: Message) -> Message:
    """Set the headers to another format, in which the value is too short or no JSON."""
    actual, value = form_of(message), message.value or b""
    headers = [one for one in message.headers if one[0] not in (h.SAMPLE_FORMAT, h.CONTENT_TYPE)]
    others = [
        name
        for name, size in SAMPLE_BYTES.items()
        if name != actual and len(value) < TOO_FEW * size
    ]
    if actual != "json" and (not others or rng.random() < 0.3):
        return message._replace(headers=[*headers, (h.CONTENT_TYPE, h.JSON.encode())])
    other = rng.choice(others or ["int16-le"])
    if not others and len(value) % 2 == 0:
        value += b" "
    return message._replace(headers=[*headers, (h.SAMPLE_FORMAT, other.encode())], value=value)


def _not_finite(rng: Random, message: Message) -> Message:
    form = form_of(message)
    if form not in ("float32-le", "float64-le"):
        return _element(rng, message)
    pattern = {"float32-le": "<f", "float64-le": "<d"}[form]
    size = struct.calcsize(pattern)
    bad = [float("nan"), float("inf"), -float("inf")] + ([1e39, -1e300] if size == 8 else [])
    at = rng.randrange(WINDOW_LENGTH) * size
    value = message.value or b""
    raw = struct.pack(pattern, rng.choice(bad))
    if rng.random() < 0.1:
        raw = b"\x01\x00\xa0\x7f" * (size // 4) if size == 4 else b"\x01\0\0\0\0\0\xf4\x7f"
    return message._replace(value=value[:at] + raw + value[at + size :])


def _flat(rng: Random, message: Message) -> Message:
    form = form_of(message)
    level = rng.choice((0.0, -0.0, 1.0, -32768.0))
    if form == "json":
        return message._replace(value=_record([repr(level)] * WINDOW_LENGTH))
    size = _sample_bytes(message) or 1
    length = max(len(message.value or b"") // size, WINDOW_LENGTH)
    return message._replace(value=pack(np.full(length, level), form))  # type: ignore[arg-type]


def _element(rng: Random, message: Message) -> Message:
    """Replace one number of a JSON record by something else."""
    at = rng.choice((0, 1, WINDOW_LENGTH - 1, rng.randrange(WINDOW_LENGTH)))
    value = _with_element(rng.choice(BAD_ELEMENTS), at % 4 if at < WINDOW_LENGTH - 1 else at)
    return _as_json(message, value)


def _document(rng: Random, message: Message) -> Message:
    return _as_json(message, rng.choice(DOCUMENTS))


def _length(rng: Random, message: Message) -> Message:
    """Return a JSON record that is too short."""
    size = rng.choice((0, 1, 2, 100, 1024, TOO_FEW))
    return _as_json(message, _record(NUMBERS[:size]))


def _tree(rng: Random, message: Message) -> Message:
    """Return JSON of any shape."""
    value = json.dumps({"record": _node(rng, 5)} if rng.random() < 0.5 else _node(rng, 5))
    return _as_json(message, value.encode())


def _node(rng: Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth else 6)
    if kind < 6:
        return (None, True, rng.random(), rng.randrange(-9, 10**12), "x" * rng.randrange(9), "")[
            kind
        ]
    size = rng.randrange(5)
    if kind == 6:
        return [_node(rng, depth - 1) for _ in range(size)]
    return {rng.choice(("record", "a", "")): _node(rng, depth - 1) for _ in range(size)}


def _as_json(message: Message, value: bytes) -> Message:
    headers = [each for each in message.headers if each[0] != h.CONTENT_TYPE]
    return message._replace(value=value, headers=[*headers, (h.CONTENT_TYPE, h.JSON.encode())])


def _record(numbers: list[str]) -> bytes:
    return f'{{"record":[{",".join(numbers)}]}}'.encode()


@lru_cache(1024)
def _with_element(element: str, at: int) -> bytes:
    return _record([*NUMBERS[:at], element, *NUMBERS[at + 1 :]])


CORRUPTIONS: Final = (
    *(_nothing, _cut, _extend, _noise, _other_format, _not_finite, _flat, _element, _document),
    *(_length, _tree),
)
"""Each makes a valid value certainly invalid, and keeps an invalid value invalid."""
