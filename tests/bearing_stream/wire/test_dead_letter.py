"""A dead letter is the unchanged original with the reason in headers, or a stub of it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import DeadLetter, Headers, Message, RejectionReason, read_error_headers
from bearing_stream.wire.error_headers import (
    PREFIX,
    ErrorHeaders,
    Origin,
    original_timestamp,
    stubbed_value,
)
from bearing_stream.wire.headers import record_size

NAMES = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["__connect.errors.topic", "__connect.errors.exception.message", "ce_id"]
)
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=12)), max_size=6)
BYTES = st.none() | st.binary(max_size=64)
MESSAGES = st.builds(Message, BYTES, BYTES, HEADERS, st.integers(0, 2**40))


def dead(original: Message) -> Message:
    letter = DeadLetter("bearing.windows", 3, 1234, RejectionReason.NO_VALUE, "no ü", original)
    return letter.message("plant")


@given(MESSAGES)
def test_the_original_is_untouched(original: Message) -> None:
    before = list(original.headers)
    message = dead(original)
    assert (message.key, message.value) == (original.key, original.value)
    assert message.timestamp == 0
    assert message.headers[: len(before)] == before
    assert original.headers == before


@given(MESSAGES)
def test_headers_that_are_there_are_never_overwritten(original: Message) -> None:
    added = dead(original).headers[len(original.headers) :]
    there = {name for name, _ in original.headers}
    assert there.isdisjoint(name for name, _ in added)
    assert len({name for name, _ in added}) == len(added)


@given(MESSAGES)
def test_a_second_rejection_changes_nothing(original: Message) -> None:
    assert dead(dead(original)) == dead(original)


def test_the_error_headers_are_those_of_kafka_connect() -> None:
    original: Headers = [("ce_id", b"1")]
    assert dead(Message(b"k", None, original, 1_769_860_800_123)).headers == [
        ("ce_id", b"1"),
        ("bearing-timestamp", b"1769860800123"),
        ("__connect.errors.topic", b"bearing.windows"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"1234"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.class.name", b"bearing_stream.wire.decode_measurement"),
        ("__connect.errors.exception.class.name", b"no-value"),
        ("__connect.errors.exception.message", "no ü".encode()),
        ("__connect.errors.connector.name", b"plant"),
    ]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20))
def test_the_error_headers_are_read_back(detail: str) -> None:
    letter = DeadLetter("t", 3, 2**62, RejectionReason.NO_VALUE, detail, Message(b"k", None, []))
    read = read_error_headers([("ce_id", b"1"), *letter.message("plant").headers])
    assert read == ErrorHeaders("t", "3", str(2**62), "no-value", detail, "plant")
    assert read.origin == Origin("t", 3, 2**62)


@given(HEADERS)
def test_any_headers_can_be_read(headers: Headers) -> None:
    read_error_headers(headers)
    assert read_error_headers(None) == ErrorHeaders("", "", "", "", "")


def test_of_a_repeated_error_header_the_first_one_counts() -> None:
    assert read_error_headers([(PREFIX + "topic", b"a"), (PREFIX + "topic", b"b")]).topic == "a"


@pytest.mark.parametrize(
    ("topic", "partition", "offset"),
    [
        (None, b"3", b"4"),
        (b"t", None, b"4"),
        (b"t", b"-1", b"4"),
        (b"t", b"3", b"four"),
        (b"t", b"3", b"\xd9\xa3"),
        (b"t", b"3", b"9" * 5000),
    ],
)
def test_a_dead_letter_that_does_not_state_its_origin_has_none(
    topic: bytes | None, partition: bytes | None, offset: bytes | None
) -> None:
    values = {"topic": topic, "partition": partition, "offset": offset}
    headers: Headers = [(PREFIX + name, raw) for name, raw in values.items() if raw is not None]
    assert read_error_headers(headers).origin is None


BOMB = Message(None, bytes(12_000_000), [("ce_id", b"1")], 2**45)


def rejected(original: Message, detail: str = "expected 8192 bytes") -> DeadLetter:
    return DeadLetter("bearing.windows", 3, 4, RejectionReason.WRONG_LENGTH, detail, original)


def test_a_message_larger_than_the_limit_becomes_a_stub() -> None:
    stub = rejected(BOMB).message("plant", 8 * 2**20)
    assert stub == rejected(BOMB).stub("plant")
    assert stub.value == b""
    assert stub.key == b"bearing.windows-3-4"
    assert stub.timestamp == 0
    assert ("ce_id", b"1") in stub.headers
    assert original_timestamp(stub.headers) == 2**45
    assert stubbed_value(stub.headers) == (12_000_000, sha256(bytes(12_000_000)).hexdigest())
    read = read_error_headers(stub.headers)
    assert (read.origin, read.reason) == (Origin("bearing.windows", 3, 4), "too-large")
    assert read.group == "plant"
    assert "12000000 bytes" in read.detail
    assert "wrong-length: expected 8192 bytes" in read.detail


@given(MESSAGES, st.integers(0, 64))
def test_the_limit_is_that_of_the_whole_record(original: Message, missing: int) -> None:
    whole = rejected(original).message("plant")
    size = record_size(whole)
    assert rejected(original).message("plant", size + missing) == whole
    assert rejected(original).message("plant", size - 1) == rejected(original).stub("plant")


LARGE = st.none() | st.integers(0, 30_000).map(bytes)
LARGE_MESSAGES = st.builds(
    Message, LARGE, LARGE, st.lists(st.tuples(NAMES, LARGE), max_size=300), st.integers(-1, 2**62)
)


@given(LARGE_MESSAGES, st.text(st.characters(codec="utf-8"), max_size=20_000))
def test_a_stub_is_small_and_names_its_original(original: Message, detail: str) -> None:
    stub = rejected(original, detail).stub("plant")
    assert record_size(stub) < 24 * 1024
    assert stub.key is not None
    assert stub.value is not None
    assert read_error_headers(stub.headers).origin == Origin("bearing.windows", 3, 4)
    value = original.value
    assert stubbed_value(stub.headers) == (
        None if value is None else len(value),
        sha256(value or b"").hexdigest(),
    )


def test_a_stub_keeps_a_small_key_and_small_headers() -> None:
    headers: Headers = [("large", bytes(5000)), ("ce_id", b"1"), ("ce_subject", b"pump")]
    stub = rejected(Message(b"pump", BOMB.value, headers)).stub("plant")
    assert stub.key == b"pump"
    assert stub.headers[:2] == [("ce_id", b"1"), ("ce_subject", b"pump")]
    assert "large" not in dict(stub.headers)


def test_a_stub_of_a_dead_letter_names_the_place_where_that_one_is() -> None:
    """A dead letter keeps the error headers of its original; a stub has only its own."""
    first = DeadLetter("elsewhere", 0, 0, RejectionReason.NO_VALUE, "first", BOMB).message("other")
    read = read_error_headers(rejected(first).stub("plant").headers)
    assert (read.origin, read.group) == (Origin("bearing.windows", 3, 4), "plant")


@pytest.mark.parametrize(
    ("length", "digest"),
    [(b"1", None), (None, None), (b"one", b"0" * 64), (b"-1", b"0" * 64), (b"1", b"\xff" * 9)],
)
def test_other_messages_are_no_stubs(length: bytes | None, digest: bytes | None) -> None:
    assert stubbed_value([("bearing-original-length", length)]) is None
    headers: Headers = [("bearing-original-length", length), ("bearing-original-sha256", digest)]
    assert stubbed_value(headers) is None
