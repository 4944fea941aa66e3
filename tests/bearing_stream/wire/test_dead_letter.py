"""A dead letter is the message as it came, with the reason beside it."""

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import DeadLetter, Headers, Message, RejectionReason

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
        ("__connect.errors.class.name", b"messages.decode_window"),
        ("__connect.errors.exception.class.name", b"no-value"),
        ("__connect.errors.exception.message", "no ü".encode()),
    ]
