"""Tables of text as instruments and spreadsheets export them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import FileSignal, read_file, read_signal

N, RATE = 1000, 25_600
X = np.round(np.random.default_rng(3).normal(size=N), 5)
TIMES = np.arange(N) / RATE
START = datetime(2026, 4, 14, 13, 10, 34)
ISO = [(START + timedelta(seconds=float(t))).isoformat(timespec="microseconds") for t in TIMES]


def rows(row: Callable[[int], str], count: int = N) -> str:
    return "\n".join(map(row, range(count))) + "\n"


def samples(signal: FileSignal) -> NDArray[np.float64]:
    return np.concatenate(signal.stretches)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(text: str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return written


LABVIEW = """LabVIEW Measurement\t
Writer_Version\t2
Separator\tTab
Date\t2014/05/23
Time\t15:17:42.6
***End_of_Header***\t
\t
Channels\t1\t\t
Samples\t1000\t\t
Y_Unit_Label\tg\t\t
X_Dimension\tTime\t\t
Delta_X\t3.90625E-5\t\t
***End_of_Header***\t\t
X_Value\tAcceleration\tComment
"""

EXPORTS = {
    "comments and a rate": "# fs: 25600 Hz\n# t x\n" + rows(lambda i: f"{TIMES[i]:.7e} {X[i]:.5f}"),
    "a rate in kHz above one column": "% Sampling rate = 25.6 kHz\n% a\n"
    + rows(lambda i: f"{X[i]}"),
    "a rate under the name": "% a (g)\n% fs = 25.6 kHz\n" + rows(lambda i: f"{X[i]}"),
    "LabVIEW": LABVIEW + rows(lambda i: f"{TIMES[i]:.7f}\t{X[i]}"),
    "LabVIEW with comments": LABVIEW + rows(lambda i: f"{TIMES[i]:.7f}\t{X[i]}\t"),
    "LabVIEW without times": LABVIEW + rows(lambda i: f"\t{X[i]}\t"),
    "Tektronix": f"Record Length,1000,Points,{TIMES[0]:.9f},{X[0]}\n"
    f"Sample Interval,3.90625e-05,s,{TIMES[1]:.9f},{X[1]}\n"
    + "\n".join(f",,,{TIMES[i]:.9f},{X[i]}" for i in range(2, N)),
    "PicoScope": "Time,Channel A\n(ms),(V)\n\n" + rows(lambda i: f"{1e3 * TIMES[i]:.8f},{X[i]}"),
    "leading spaces": rows(lambda i: f"   {TIMES[i]:.7e}   {X[i]: .5e}"),
    "aligned decimal commas": rows(lambda i: f"  {TIMES[i]:.7e}  {X[i]: .5e}".replace(".", ",")),
    "a status column": "t,a,Status,OK\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]},good,True"),
    "a trailing delimiter": "t;a\n" + rows(lambda i: f"{TIMES[i]:.7f};{X[i]};"),
    "no heading": rows(lambda i: f"{TIMES[i]:.7f},{X[i]}"),
    "ISO 8601": "timestamp,a\n" + rows(lambda i: f"{ISO[i]}Z,{X[i]}"),
    "date and clock": "Datum;Zeit;a\n"
    + rows(lambda i: f"14.04.2026;{ISO[i][11:]};{X[i]}".replace(".", ",").replace(",04,", ".04.")),
    "clock of 12 hours": "Time,a\n"
    + rows(lambda i: f"4/14/2026 1:10:{34 + TIMES[i]:09.6f} PM,{X[i]}"),
    "Unix time": "t,a\n" + rows(lambda i: f"{1.7e9 + TIMES[i]:.6f},{X[i]}"),
    "Unix time in ms": "t,a\n" + rows(lambda i: f"{1.7e12 + 1e3 * TIMES[i]:.3f},{X[i]}"),
    "time in µs": "Time [µs];a\n" + rows(lambda i: f"{1e6 * TIMES[i]:.3f};{X[i]}"),
    "coarse times": "t (s),a\n" + rows(lambda i: f"{TIMES[i] // 0.001 * 0.001:.3f},{X[i]}"),
    "jitter": "t,a\n" + rows(lambda i: f"{TIMES[i] + (i * 37 % 11 - 5) * 1e-6:.8f},{X[i]}"),
    "negative times": "t,a\n" + rows(lambda i: f"{TIMES[i] - 0.05:.7f},{X[i]}"),
    "lines of CR LF": "t,a\r\r\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]}\r\r"),
    "minus signs": "t;a\n" + rows(lambda i: f"{TIMES[i]:.7f};{X[i]}".replace("-", "\u2212")),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_is_read_with_its_rate(export: str, write: Callable[..., Path]) -> None:
    read = read_signal(write(EXPORTS[export], "a.dat"))
    np.testing.assert_allclose(samples(read), X, atol=1e-9)
    assert read.sampling_rate == RATE


def test_what_was_read_is_stated(write: Callable[..., Path]) -> None:
    text = "Zeit [s];a [m/s^2]\n" + rows(lambda i: f"{TIMES[i]:.7f};{X[i]}".replace(".", ","))
    origin = read_signal(write(text, encoding="utf-16")).origin
    assert origin.described() == (
        "column 1 'a [m/s^2]' of text with semicolons between columns, decimal commas, UTF-16, "
        "1000 samples at 25600 Hz (column 0 'Zeit [s]'), unit m/s2"
    )
    assert origin.as_dict()["unit"] == "m/s2"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Time, s;Acceleration, g, raw\n", "g"),
        ("t;Beschl. [m/s²]\n", "m/s2"),
        ("t;acc in m/s^2\n", "m/s2"),
        ("t;Channel 1 (V)\n", "V"),
        ("t;a/g\n", "g"),
        ("t;X_g\n", "g"),
        ("t;Channel A\n", ""),
        ("t;a\n", ""),
        ("t;a\ns;(m/s²)\n", "m/s2"),
    ],
)
def test_the_unit_of_a_heading(text: str, unit: str, write: Callable[..., Path]) -> None:
    path = write(text + rows(lambda i: f"{TIMES[i]:.7f};{X[i]}"))
    assert read_signal(path).origin.unit == unit
    assert read_signal(path, unit="counts").origin.unit == "counts"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437", "mac-roman", "utf-16-be"])
def test_the_encoding_of_a_heading_does_not_matter(
    encoding: str, write: Callable[..., Path]
) -> None:
    text = "Zeit (s);Größe (g)\n" + rows(lambda i: f"{TIMES[i]:.7f};{X[i]}")
    read = read_signal(write(text, encoding=encoding))
    np.testing.assert_array_equal(samples(read), X)
    assert read.origin.unit == "g"
    assert ("Windows-1252" in read.origin.encoding) == (encoding != "utf-16-be")


def test_a_time_axis_is_never_the_signal(write: Callable[..., Path]) -> None:
    path = write("Zeit,a\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]}"))
    for channel in ["0", "Zeit"]:
        with pytest.raises(RecordingError, match=r"column 0 'Zeit' is a time axis .* choose 1 'a'"):
            read_signal(path, channel=channel)
    with pytest.raises(RecordingError, match=r"no signal in .* the time axis column 0 't'"):
        read_signal(write("t\n" + rows(lambda i: f"{TIMES[i]:.7f}")))


def test_a_counter_is_neither_the_signal_nor_a_rate(write: Callable[..., Path]) -> None:
    for heading in ["", "Index,a\n", "Sample,a\n", ",a\n"]:
        path = write(heading + rows(lambda i: f"{i},{X[i]}"))
        np.testing.assert_array_equal(samples(read_signal(path, sampling_rate=RATE)), X)
        with pytest.raises(RecordingError, match="does not state its sampling rate"):
            read_signal(path)


def test_columns_of_one_name_are_chosen_by_number(write: Callable[..., Path]) -> None:
    path = write("Time,Acc,Acc\n" + rows(lambda i: f"{TIMES[i]:.7f},{-X[i]},{X[i]}"))
    with pytest.raises(RecordingError, match="2 signals: 1 'Acc', 2 'Acc'"):
        read_signal(path)
    with pytest.raises(RecordingError, match="'Acc' fits 2 signals"):
        read_signal(path, channel="Acc")
    np.testing.assert_array_equal(samples(read_signal(path, channel="2")), X)


def test_a_name_may_lack_its_unit_and_its_case(write: Callable[..., Path]) -> None:
    path = write("t,Y (g),X (g)\n" + rows(lambda i: f"{TIMES[i]:.7f},{-X[i]},{X[i]}"))
    for channel in ["X (g)", "x (G)", "X", "x"]:
        np.testing.assert_array_equal(samples(read_signal(path, channel=channel)), X)


def test_each_signal_has_the_time_axis_before_it(write: Callable[..., Path]) -> None:
    path = write("t1,a,t2,b\n" + rows(lambda i: f"{TIMES[i]:.7f},0.5,{2 * TIMES[i]:.7f},{X[i]}"))
    assert read_signal(path, channel="b").sampling_rate == RATE / 2


@pytest.mark.parametrize(
    ("given", "rate"), [(None, RATE), (25_600, RATE), (25_590, RATE), (12_000, None)]
)
def test_a_given_rate_must_agree(
    given: float | None, rate: float | None, write: Callable[..., Path]
) -> None:
    path = write("t (s),a\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]}"))
    if rate is None:
        with pytest.raises(RecordingError, match="of 25600 Hz, and --rate is 12000 Hz"):
            read_signal(path, sampling_rate=given)
    else:
        assert read_signal(path, sampling_rate=given).sampling_rate == rate


def test_a_rate_above_the_heading_must_agree_with_the_times(write: Callable[..., Path]) -> None:
    path = write("fs: 12000\nt (s),a\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]}"))
    with pytest.raises(RecordingError, match="rate of 25600 Hz, and the line 'fs: 12000' one of"):
        read_signal(path)
    read = read_signal(path, sampling_rate=RATE)
    assert read.sampling_rate == RATE
    assert "12000 Hz" in read.origin.warnings[0]


def test_times_in_an_unnamed_unit_are_suspected(write: Callable[..., Path]) -> None:
    path = write("Time,a\n" + rows(lambda i: f"{1e3 * TIMES[i]:.5f},{X[i]}"))
    with pytest.raises(RecordingError, match=r"25\.6 Hz, which seems .* in ms\): 25600 Hz"):
        read_signal(path)
    read = read_signal(path, sampling_rate=RATE)
    assert (read.sampling_rate, len(read.origin.warnings)) == (RATE, 1)


@pytest.mark.parametrize("first", [0.0, 5.0])
def test_no_window_crosses_a_restart_or_a_gap(first: float, write: Callable[..., Path]) -> None:
    times = np.arange(6000) / 12_000
    times[2500:] += first - times[2500]
    path = write("t,a\n" + rows(lambda i: f"{times[i]:.6f},{X[i % N]}", 6000))
    read = read_file(path)
    assert [part.size for part in read.stretches] == [2500, 3500]
    assert read.windows()[:, 0].tolist() == [X[0], X[2500 % N]]
    assert read.origin is not None
    assert "1 interruption, the first at sample 2500" in read.origin.warnings[0]


def test_uneven_times_are_refused_unless_the_rate_is_given(write: Callable[..., Path]) -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 1, N))
    path = write("t,a\n" + rows(lambda i: f"{times[i]:.7f},{X[i]}"))
    with pytest.raises(RecordingError, match="column 0 't' is uneven"):
        read_signal(path)
    read = read_signal(path, sampling_rate=12_000)
    assert "is uneven" in read.origin.warnings[0]


def test_missing_values_at_the_ends_are_left_out(write: Callable[..., Path]) -> None:
    path = write("t,a\n" + rows(lambda i: f"{TIMES[i]:.7f},{'' if i < 2 or i >= 990 else X[i]}"))
    read = read_signal(path)
    np.testing.assert_array_equal(samples(read), X[2:990])
    assert read.origin.warnings == (
        "2 missing values at the beginning and 10 at the end are left out",
    )


@pytest.mark.parametrize("cell", ["", "NaN", "n/a", "#DIV/0!", "-inf"])
def test_missing_values_among_the_others_are_refused(cell: str, write: Callable[..., Path]) -> None:
    path = write("t,a\n" + rows(lambda i: f"{TIMES[i]:.7f},{cell if i == 77 else X[i]}"))
    with pytest.raises(RecordingError, match="1 of 1000 samples are not finite, the first at 77"):
        read_signal(path)


def test_what_is_no_data_at_the_end_is_left_out(write: Callable[..., Path]) -> None:
    table = "t,a\n" + rows(lambda i: f"{TIMES[i]:.7f},{X[i]}")
    cut = read_signal(write(table[: table.rindex(",")]))
    np.testing.assert_array_equal(samples(cut), X[:-1])
    footer = read_signal(write(table + "\nEnd of file\nMean;0.1\n"))
    np.testing.assert_array_equal(samples(footer), X)
    for read in (cut, footer):
        assert "the last lines are no data and are left out" in read.origin.warnings[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0.1,abc", "line 702: column 1 'a': expected a number, got 'abc'"),
        ("0.1,2,3", "line 702: expected 2 columns like the lines before, got 3"),
        ("0.1", "line 702: expected 2 columns like the lines before, got 1"),
        ("", "line 702: empty"),
    ],
)
def test_a_wrong_line_is_named(line: str, reason: str, write: Callable[..., Path]) -> None:
    path = write("t,a\n" + rows(lambda i: line if i == 700 else f"{TIMES[i]:.7f},{X[i]}"))
    with pytest.raises(RecordingError, match=reason):
        read_signal(path)


def test_comments_among_the_data_are_left_out(write: Callable[..., Path]) -> None:
    path = write("t,a\n" + rows(lambda i: "# pause\n" * (i == 700) + f"{TIMES[i]:.7f},{X[i]}"))
    read = read_signal(path)
    np.testing.assert_array_equal(samples(read), X)
    assert "first in line 702" in read.origin.warnings[0]


def test_a_notation_that_the_head_does_not_show_is_found_later(
    write: Callable[..., Path],
) -> None:
    count = 20_000
    values = np.round(np.random.default_rng(0).normal(size=count) * 200, 2)
    values[-5000:] = np.round(values[-5000:] * 30, 0)

    def german(i: int) -> str:
        text = f"{values[i]:,.2f}" if values[i] % 1 else f"{values[i]:,.0f}"
        return f"{i / 1e4:.4f};{text}".translate(str.maketrans(",.", ".,"))

    read = read_signal(write("t;a\n" + rows(german, count)))
    np.testing.assert_array_equal(samples(read), values)


@pytest.mark.parametrize(
    "row",
    [
        lambda i: f"{TIMES[i]:.7f},{X[i]}".replace(".", ","),
        lambda i: f"{100 + i * 37 % 900},{100 + i * 53 % 900}",
    ],
)
def test_a_comma_that_may_be_either_mark_is_refused(
    row: Callable[[int], str], write: Callable[..., Path]
) -> None:
    with pytest.raises(RecordingError, match=r"a comma is both .* give --decimal"):
        read_signal(write(rows(row)), sampling_rate=RATE)


def test_the_decimal_mark_can_be_given(write: Callable[..., Path]) -> None:
    path = write(rows(lambda i: f"{100 + i * 37 % 900},{100 + i * 53 % 900}"))
    assert samples(read_signal(path, sampling_rate=RATE, decimal=","))[0] == 100.1
    assert samples(read_signal(path, sampling_rate=RATE, decimal=".", channel="1"))[0] == 100


@pytest.mark.parametrize("label", [False, True])
def test_rows_of_a_wide_table_are_windows(label: bool, write: Callable[..., Path]) -> None:
    windows = np.random.default_rng(0).normal(size=(12, 2048)).round(4)
    lines = [",".join(map(str, window)) + ",3" * label for window in windows]
    names = [",".join(map(str, range(2048))) + ",label"] if label else []
    read = read_file(write("\n".join([*names, *lines])), sampling_rate=12_000)
    np.testing.assert_array_equal(read.windows(), windows)


def test_samples_in_one_line_are_a_signal(write: Callable[..., Path]) -> None:
    for mark in ", ;\t":
        read = read_signal(write(mark.join(map(str, X))), sampling_rate=RATE)
        np.testing.assert_array_equal(samples(read), X)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"fs": 12000, "x": [1, 2, 3]}', "JSON or XML"),
        ('<?xml version="1.0"?>\n<a/>\n', "JSON or XML"),
        ("some prose\nand no numbers\n", "expected columns of numbers"),
        ("\0\x01\x02\x03binary", "neither text nor a format that is known"),
    ],
)
def test_what_is_no_table_is_named(text: str, reason: str, write: Callable[..., Path]) -> None:
    with pytest.raises(RecordingError, match=reason):
        read_signal(write(text))
