"""Parsing a dead letter restores its original and the reason of the rejection."""

from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import cast

import pytest
from confluent_kafka import Message as Polled
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bearing_stream.commands.dead_letters.letters import REDRIVES, UNKNOWN_REASON, matching, parse
from bearing_stream.commands.dead_letters.redrive_history import PAGE, RedriveHistory
from bearing_stream.commands.dead_letters.settings import LetterSettings
from bearing_stream.commands.dead_letters.view import Counts, hexdump, show_letter
from bearing_stream.commands.terminal import printable
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import DeadLetter, Headers, Message, RejectionReason
from bearing_stream.wire.error_headers import RESULT_OF
from tests.bearing_stream.commands.dead_letters.letters import letter, original


@dataclass(frozen=True)
class PolledMessage:
    """A message with the interface of a polled one."""

    message: Message

    def key(self) -> bytes | None:
        return self.message.key

    def value(self) -> bytes | None:
        return self.message.value

    def headers(self) -> Headers | None:
        return self.message.headers or None

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 17

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message.timestamp


def polled(message: Message) -> Polled:
    return cast("Polled", PolledMessage(message))


RAW = st.none() | st.binary(max_size=20)
MESSAGES = st.builds(
    Message,
    RAW,
    RAW,
    st.lists(st.tuples(st.text(st.characters(codec="ascii"), max_size=8), RAW), max_size=5),
    st.integers(0, 2**40),
    st.none(),
)


@given(MESSAGES, st.sampled_from(RejectionReason), st.text(max_size=20))
def test_the_original_is_restored(message: Message, reason: RejectionReason, detail: str) -> None:
    dead_letter = DeadLetter("w", 1, 2, reason, detail.encode(errors="replace").decode(), message)

    published = dead_letter.message("group")
    mark = (RESULT_OF, b'["group", "w", 1, 2]')
    found = parse(polled(published._replace(headers=[*published.headers, mark])))

    assert found.original == message
    assert found.reason == reason
    assert (found.topic, found.partition, found.offset) == ("w", "1", "2")
    assert str(found.record) == "3:17"


def test_a_letter_has_the_time_of_its_original() -> None:
    """A letter has the time of its rejection as its own Kafka timestamp."""
    dead_letter = letter(original(1)._replace(timestamp=1000), "w")
    found = parse(polled(dead_letter._replace(timestamp=2000)))
    assert found.time == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_letter_stamped_in_microseconds_has_the_latest_date() -> None:
    stamped = original(1)._replace(timestamp=1_769_860_800_123_456)
    for message in (stamped, letter(stamped, "w")):
        assert parse(polled(message)).as_json()["time"] == "9999-12-31T23:59:59.000000Z"


def test_a_stub_has_the_length_of_its_original() -> None:
    dead_letter = DeadLetter("w", 1, 2, RejectionReason.NON_FINITE, "NaN", original(1))
    found = parse(polled(dead_letter.stub("group")))
    assert (found.reason, found.length, found.original.value) == ("too-large", 7, None)
    assert found.as_json()["stub"] is True
    console = Console(width=200, file=StringIO(), color_system=None)
    show_letter(found, 100, console)
    assert isinstance(console.file, StringIO)
    assert "7 bytes, not in this letter; SHA-256" in console.file.getvalue()


@given(MESSAGES)
def test_any_other_message_of_the_topic_is_parsed_too(message: Message) -> None:
    found = parse(polled(message))
    assert found.reason == UNKNOWN_REASON
    assert found.original == message


@given(MESSAGES, st.integers(0, 5))
def test_redrives_are_counted(message: Message, times: int) -> None:
    for _ in range(times):
        message = parse(polled(letter(message, "w"))).redriven()
    assert parse(polled(message)).redrives == times
    assert [name for name, _ in message.headers].count(REDRIVES) == min(times, 1)


def test_an_invalid_count_of_redrives_is_none() -> None:
    for raw in (b"many", b"-1", b"", b"9" * 5000):
        assert parse(polled(Message(b"", b"", [(REDRIVES, raw)]))).redrives is None


def test_a_letter_without_subject_has_the_sensor_of_its_key() -> None:
    assert parse(polled(Message(b"press-9", b"", []))).sensor == "press-9"


@pytest.mark.parametrize(
    ("settings", "selected"),
    [
        ({}, True),
        ({"reason": "wrong-length"}, True),
        ({"reason": "no-value"}, False),
        ({"sensor": "press-1"}, True),
        ({"sensor": "press"}, False),
        ({"since": datetime(2026, 1, 1, tzinfo=UTC)}, True),
        ({"since": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)}, False),
        ({"until": datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)}, True),
        ({"until": datetime(2026, 1, 1, tzinfo=UTC)}, False),
    ],
)
def test_letters_are_selected_by_reason_sensor_and_time(
    settings: dict[str, object], selected: bool
) -> None:
    stamped = original(1)._replace(
        timestamp=int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    )
    assert (
        matching(parse(polled(letter(stamped, "w"))), LetterSettings.model_validate(settings))
        is selected
    )


RECORDS = st.builds(RecordId, st.integers(0, 2), st.integers(0, 3 * PAGE))


@given(st.sets(RECORDS, max_size=30), RECORDS)
def test_the_history_contains_the_added_letters(added: set[RecordId], other: RecordId) -> None:
    history = RedriveHistory("t", "g")
    for record in added:
        history.add(record)

    assert all(record in history for record in added)
    assert (other in history) is (other in added)
    commits = list(history.commits())
    assert list(history.commits()) == []
    pages = {(group, each.partition) for group, positions in commits for each in positions}
    assert pages == {(f"g-{record.offset // PAGE}", record.partition) for record in added}
    # The default of `offset.metadata.max.bytes`.
    assert all(len(each.metadata or "") <= 4096 for _, found in commits for each in found)


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 5))
def test_the_latest_letters_are_listed(times: list[int], limit: int) -> None:
    counts = Counts(limit)
    for time in times:
        counts.add(parse(polled(letter(original(1)._replace(timestamp=time), "w"))))
    console = Console(width=200, file=StringIO(), color_system=None)
    counts.show(console)
    assert isinstance(console.file, StringIO)
    shown = [line for line in console.file.getvalue().splitlines() if line.startswith("3:17")]
    assert [int(line.split()[1][20:23]) for line in shown] == sorted(times)[-limit:]


def test_a_long_sensor_id_hides_no_detail() -> None:
    counts = Counts(5)
    for time, sensor in enumerate(("pump-7", "x" * 4096)):
        rejected = original(1, sensor)._replace(timestamp=time)
        counts.add(parse(polled(letter(rejected, "w", detail="expected 2048 samples"))))
    console = Console(width=400, file=StringIO(), color_system=None)
    counts.show(console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().count("expected 2048 samples") == 2
    assert max(map(len, console.file.getvalue().splitlines())) < 200


@given(st.binary(max_size=100))
def test_a_hexdump_holds_every_byte(value: bytes) -> None:
    lines = list(hexdump(value))
    assert bytes.fromhex("".join(line[10:57] for line in lines)) == value
    assert all(line.isprintable() for line in lines)


@given(st.text())
def test_printed_text_cannot_control_the_terminal(text: str) -> None:
    assert printable(text).isprintable()
