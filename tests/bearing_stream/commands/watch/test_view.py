"""The table that a user sees."""

import io
from typing import Any

import pytest
from rich.console import Console

from bearing_stream.commands.watch.statistics import SensorStatistics
from bearing_stream.commands.watch.view import (
    OTHER_LINES,
    SILENT_AFTER,
    hidden_note,
    render,
    uncertain_note,
)
from bearing_stream.vocabulary import FaultLabel
from bearing_stream.wire.diagnosis import PublishedIndicators
from tests.bearing_stream.commands.watch.examples import diagnosis


def seen(statistics: SensorStatistics, max_rows: int = 100, width: int = 80, **options: Any) -> str:
    """Return the output as text, with escape sequences only if the terminal has colour."""
    out = io.StringIO()
    console = Console(file=out, width=width, **options)
    snapshot = statistics.snapshot(max_rows)
    console.print(render(snapshot, "bearing.diagnoses at kafka:9092", hidden_note(snapshot)))
    return out.getvalue()


def line(output: str, beginning: str) -> list[str]:
    """Return the cells of the one line with this beginning."""
    (found,) = [line for line in output.splitlines() if line.startswith(beginning)]
    return found.split()


@pytest.fixture
def statistics() -> SensorStatistics:
    now = [0.0]
    statistics = SensorStatistics(lambda: now[0])
    truths: list[FaultLabel] = ["Ball", "Ball", "Normal", "Ball"]
    for truth in truths:
        statistics.add(diagnosis("press-1", "Ball", truth, latency=12.34))
    statistics.add(diagnosis("press-2", "Normal"))
    now[0] = 5.0
    return statistics


def test_there_is_a_row_for_each_sensor_and_one_for_all_in_eighty_columns(
    statistics: SensorStatistics,
) -> None:
    output = seen(statistics)
    assert "bearing.diagnoses at kafka:9092" in output
    assert line(output, "sensor ") == (
        ["sensor", "state", "probability", "per", "s", "p50", "ms", "p99", "ms", "agreement"]
    )
    assert line(output, "press-1") == [
        "press-1",
        "Ball",
        "97.0%",
        "0.5",
        "12.3",
        "12.3",
        "75.0%",
    ]
    assert line(output, "2 sensors") == [
        "2",
        "sensors",
        "5",
        "diagnoses",
        "0.6",
        "12.3",
        "12.3",
        "75.0%",
    ]


def test_agreement_is_empty_if_the_label_is_unknown(statistics: SensorStatistics) -> None:
    assert line(seen(statistics), "press-2") == ["press-2", "Normal", "97.0%", "0.1", "5.0", "5.0"]


def test_a_silent_sensor_has_the_age_of_its_diagnosis() -> None:
    now = [0.0]
    statistics = SensorStatistics(lambda: now[0])
    statistics.add(diagnosis("press-1"))
    now[0] = SILENT_AFTER + 5
    assert "Normal (15 s ago)" in seen(statistics)


def test_sensors_that_do_not_fit_are_counted() -> None:
    statistics = SensorStatistics(max_sensors=20)
    for number in range(25):
        statistics.add(diagnosis(f"press-{number:02}"))
    output = seen(statistics, max_rows=5)
    assert output.count("press-") == 5
    assert "15 more sensors and 5 silent ones removed" in output


def test_without_diagnoses_there_is_an_empty_table() -> None:
    assert line(seen(SensorStatistics()), "0 sensors") == ["0", "sensors", "0", "diagnoses"]


@pytest.mark.parametrize("height", [12, 24, 50])
def test_the_table_fits_the_height(height: int) -> None:
    statistics = SensorStatistics(max_sensors=100)
    for number in range(150):
        statistics.add(diagnosis(f"press-{number}"))
    snapshot = statistics.snapshot(height - OTHER_LINES)
    console = Console(file=io.StringIO(), width=80)
    notes = [*hidden_note(snapshot), "messages that are not diagnoses: 3", "no response " * 50]
    lines = console.render_lines(render(snapshot, "bearing.diagnoses", notes))
    assert len(lines) <= height


@pytest.mark.parametrize(
    "name", ["\x1b[2Jgone", "two\nlines", "tab\there", "[red]markup[/red]", "bell\x07", "x" * 1024]
)
def test_the_name_of_a_sensor_cannot_control_the_terminal(name: str) -> None:
    statistics = SensorStatistics()
    statistics.add(diagnosis(name))
    plain = seen(statistics)
    assert "\x1b" not in plain
    assert "\x07" not in plain
    of_plain_name = SensorStatistics()
    of_plain_name.add(diagnosis("plain"))
    assert len(plain.splitlines()) == len(seen(of_plain_name).splitlines())
    assert "Normal" in plain
    assert "97.0%" in plain


def test_faults_are_red_and_normal_is_green(statistics: SensorStatistics) -> None:
    output = seen(statistics, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mBall" in output
    assert "\x1b[32mNormal" in output


def test_uncertain_diagnoses_are_marked_and_counted_by_flag(statistics: SensorStatistics) -> None:
    statistics.add(diagnosis("press-3", "Unknown", "Ball", reasons=["novelty", "jump"]))
    statistics.add(diagnosis("press-2", "Normal", reasons=["novelty"]))
    output = seen(statistics)
    assert line(output, "press-3")[1] == "Unknown?"
    assert line(output, "press-2")[1] == "Normal?"
    assert line(output, "press-1")[1] == "Ball"
    assert uncertain_note(statistics.snapshot(100)) == [
        "? uncertain: 2 diagnoses (novelty 2, jump 1)"
    ]


def test_the_prediction_unknown_does_not_count_for_agreement(statistics: SensorStatistics) -> None:
    before = statistics.snapshot(100).total
    statistics.add(diagnosis("press-1", "Unknown", "Ball", reasons=["novelty"]))
    after = statistics.snapshot(100).total
    assert (after.judged, after.agreed) == (before.judged, before.agreed)


def test_indicators_take_the_place_of_rates_and_latencies() -> None:
    statistics = SensorStatistics(lambda: 0.0)
    measured = PublishedIndicators(
        rms=0.2914, peak=1.75, crest_factor=6.01, kurtosis=5.38, velocity_rms=1.234
    )
    full = diagnosis("press-1", "Ball").model_copy(update={"indicators": measured, "unit": "g"})
    short = measured.model_copy(update={"velocity_rms": None})
    statistics.add(full)
    statistics.add(diagnosis("press-2").model_copy(update={"indicators": short}))
    statistics.add(diagnosis("press-3"))
    out = io.StringIO()
    snapshot = statistics.snapshot(9)
    Console(file=out, width=80).print(render(snapshot, "title", [], indicators=True))
    output = out.getvalue()
    assert line(output, "sensor ")[3:] == ["rms", "peak", "crest", "kurt", "mm/s"]
    assert line(output, "press-1")[3:] == ["0.291", "g", "1.75", "6.0", "5.4", "1.23"]
    assert line(output, "press-2")[3:] == ["0.291", "1.75", "6.0", "5.4"]
    assert line(output, "press-3")[3:] == []
    assert line(output, "3 sensors") == ["3", "sensors", "3", "diagnoses"]
