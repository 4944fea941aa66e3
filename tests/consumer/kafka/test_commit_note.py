"""What is committed with an offset survives the way to Kafka and back, and strangers' strings."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.commit_note import CommitNote

NOTES = st.builds(
    CommitNote,
    st.none() | st.text(max_size=22),
    st.none() | st.integers(0, 2**63),
    st.none() | st.integers(0, 2**63),
    st.none() | st.integers(0, 2**63),
)


@given(NOTES)
def test_a_note_is_read_as_it_was_written(note: CommitNote) -> None:
    assert CommitNote.decode(note.encode()) == note
    assert len(note.encode()) < 4096, "Kafka's offset.metadata.max.bytes"


@given(st.none() | st.text())
def test_any_string_is_read(text: str | None) -> None:
    CommitNote.decode(text)


def test_a_reader_ignores_what_it_does_not_know() -> None:
    assert CommitNote.decode('{"log":"a","first":-1,"since":"x","later":[1]}') == CommitNote("a")
    for strange in ("", "[1]", '"log"', "5", "{", "another tool's"):
        assert CommitNote.decode(strange) == CommitNote()
