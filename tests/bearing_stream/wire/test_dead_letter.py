"""A dead letter is the unchanged original with the reason in headers, which can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import DeadLetter, Headers, Message, RejectionReason, read_error_headers
from bearing_stream.wire.dead_letter import PREFIX, ErrorHeaders, Origin

NAMES = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["__connect.errors.topic", "__connect.errors.exception.message", "ce_id"]
)
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=12)), max_size=6)
BYTES = st.none() | st.binary(max_size=64)
MESSAGES = st.builds(Message, BYTES, BYTES, HEADERS, st.integers(0, 2**40))


def dead(original: Message) -> Message:
    letter = DeadLetter("bearing.windows", 3, 1234, RejectionReason.NO_VALUE, "no ü", original)
    return letter.message()


@given(MESSAGES)
def test_the_original_is_untouched(original: Message) -> None:
    before = list(original.headers)
    message = dead(original)
    assert (message.key, message.value) == (original.key, original.value)
    assert message.timestamp == original.timestamp
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
    assert dead(Message(b"k", None, original)).headers == [
        ("ce_id", b"1"),
        ("__connect.errors.topic", b"bearing.windows"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"1234"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.class.name", b"bearing_stream.wire.decode_window"),
        ("__connect.errors.exception.class.name", b"no-value"),
        ("__connect.errors.exception.message", "no ü".encode()),
    ]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20))
def test_the_error_headers_are_read_back(detail: str) -> None:
    letter = DeadLetter("t", 3, 2**62, RejectionReason.NO_VALUE, detail, Message(b"k", None, []))
    read = read_error_headers([("ce_id", b"1"), *letter.message().headers])
    assert read == ErrorHeaders("t", "3", str(2**62), "no-value", detail)
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
