"""A manifest names recordings and states what their files do not."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.manifest import ManifestRow, read_manifest

NAMES = st.text(st.characters(categories=("L", "N"), include_characters=" -_."), min_size=1).filter(
    lambda name: name.strip(" ") == name and name.strip()
)
NUMBERS = st.none() | st.floats(1e-3, 1e6)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@given(st.lists(st.tuples(NAMES, NUMBERS, NUMBERS, st.none() | NAMES), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_what_is_written_is_read(
    tmp_path: Path,
    delimiter: str,
    rows: list[tuple[str, float | None, float | None, str | None]],
) -> None:
    table = [("file", "rate", "rpm", "channel"), *rows]
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in table]
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8-sig")
    assert read_manifest(path) == tuple(
        ManifestRow(tmp_path / name, rate, rpm, channel) for name, rate, rpm, channel in rows
    )


def test_columns_may_be_left_out_and_come_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('RPM; file\n1780,5;"a;b.wav"\n;/data/c.wav\n')
    assert read_manifest(path) == (
        ManifestRow(tmp_path / "a;b.wav", rpm=1780.5),
        ManifestRow(Path("/data/c.wav")),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the column 'file'"),
        ("a.wav,12000\n", "got 'a.wav', '12000'"),
        ("file,speed\na.wav,1\n", "got 'file', 'speed'"),
        ("file,file\na.wav,1\n", "got 'file', 'file'"),
        ("file,rpm\n", "names no file"),
        ("file,rpm\n,1780\n", "line 2: the column 'file' is empty"),
        ("file,rpm\na,1\nb,fast\n", "line 3: rpm: expected a positive number, got 'fast'"),
        ("file,rpm\na,nan\n", "got 'nan'"),
        ("file,rate\na,-1\n", "line 2: rate"),
        ("file,rate\na,1,2\n", "expected 2 cells, got 3"),
    ],
)
def test_a_wrong_manifest_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(RecordingError) as raised:
        read_manifest(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "none.csv")
    path = tmp_path / "m.csv"
    path.write_bytes(b"file\n\xff\xfe.wav\n")
    with pytest.raises(RecordingError, match="UTF-8"):
        read_manifest(path)
