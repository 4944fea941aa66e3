"""What a user sees of a tally."""

import io
from typing import Any

import pytest
from rich.console import Console

from bearing_stream.commands.watch.tally import Tally
from bearing_stream.commands.watch.view import OTHER_LINES, SILENT_AFTER, doubted, hidden, render
from bearing_stream.vocabulary import FaultLabel
from tests.bearing_stream.commands.watch.examples import diagnosis


def seen(tally: Tally, most: int = 100, width: int = 80, **options: Any) -> str:
    """The picture as text, with escape sequences only where the terminal has colour."""
    out = io.StringIO()
    console = Console(file=out, width=width, **options)
    snapshot = tally.snapshot(most)
    console.print(render(snapshot, "bearing.diagnoses at kafka:9092", hidden(snapshot)))
    return out.getvalue()


def line(picture: str, beginning: str) -> list[str]:
    """The cells of the one line that begins so."""
    (found,) = [line for line in picture.splitlines() if line.startswith(beginning)]
    return found.split()


@pytest.fixture
def tally() -> Tally:
    now = [0.0]
    tally = Tally(lambda: now[0])
    truths: list[FaultLabel] = ["Ball", "Ball", "Normal", "Ball"]
    for truth in truths:
        tally.add(diagnosis("press-1", "Ball", truth, latency=12.34))
    tally.add(diagnosis("press-2", "Normal"))
    now[0] = 5.0
    return tally


def test_a_row_a_sensor_and_one_for_all_in_eighty_columns(tally: Tally) -> None:
    picture = seen(tally)
    assert "bearing.diagnoses at kafka:9092" in picture
    assert line(picture, "sensor ") == (
        ["sensor", "state", "probability", "windows/s", "p50", "ms", "p99", "ms", "agreement"]
    )
    assert line(picture, "press-1") == [
        "press-1",
        "Ball",
        "97.0%",
        "0.5",
        "12.3",
        "12.3",
        "75.0%",
    ]
    assert line(picture, "2 sensors") == [
        "2",
        "sensors",
        "5",
        "windows",
        "0.6",
        "12.3",
        "12.3",
        "75.0%",
    ]


def test_agreement_stays_empty_where_the_truth_is_not_known(tally: Tally) -> None:
    assert line(seen(tally), "press-2") == ["press-2", "Normal", "97.0%", "0.1", "5.0", "5.0"]


def test_a_silent_sensor_says_for_how_long() -> None:
    now = [0.0]
    tally = Tally(lambda: now[0])
    tally.add(diagnosis("press-1"))
    now[0] = SILENT_AFTER + 5
    assert "Normal (15 s ago)" in seen(tally)


def test_sensors_that_do_not_fit_are_counted() -> None:
    tally = Tally(max_sensors=20)
    for number in range(25):
        tally.add(diagnosis(f"press-{number:02}"))
    picture = seen(tally, most=5)
    assert picture.count("press-") == 5
    assert "15 more sensors and 5 silent ones dropped" in picture


def test_nothing_seen_yet_is_a_table_too() -> None:
    assert line(seen(Tally()), "0 sensors") == ["0", "sensors", "0", "windows"]


@pytest.mark.parametrize("height", [12, 24, 50])
def test_the_picture_fits_the_height(height: int) -> None:
    tally = Tally(max_sensors=100)
    for number in range(150):
        tally.add(diagnosis(f"press-{number}"))
    snapshot = tally.snapshot(height - OTHER_LINES)
    console = Console(file=io.StringIO(), width=80)
    notes = [*hidden(snapshot), "messages that are no diagnoses: 3", "no answer " * 50]
    lines = console.render_lines(render(snapshot, "bearing.diagnoses", notes))
    assert len(lines) <= height


@pytest.mark.parametrize(
    "name", ["\x1b[2Jgone", "two\nlines", "tab\there", "[red]markup[/red]", "bell\x07", "x" * 1024]
)
def test_the_name_of_a_sensor_commands_no_terminal(name: str) -> None:
    tally = Tally()
    tally.add(diagnosis(name))
    plain = seen(tally)
    assert "\x1b" not in plain
    assert "\x07" not in plain
    tally_of_plain_name = Tally()
    tally_of_plain_name.add(diagnosis("plain"))
    assert len(plain.splitlines()) == len(seen(tally_of_plain_name).splitlines())
    assert "Normal" in plain
    assert "97.0%" in plain


def test_damage_is_red_and_health_green(tally: Tally) -> None:
    picture = seen(tally, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mBall" in picture
    assert "\x1b[32mNormal" in picture


def test_what_is_uncertain_is_marked_counted_and_explained(tally: Tally) -> None:
    tally.add(diagnosis("press-3", "Unknown", "Ball", reasons=["novelty", "jump"]))
    tally.add(diagnosis("press-2", "Normal", reasons=["novelty"]))
    picture = seen(tally)
    assert line(picture, "press-3")[1] == "Unknown?"
    assert line(picture, "press-2")[1] == "Normal?"
    assert line(picture, "press-1")[1] == "Ball"
    assert doubted(tally.snapshot(100)) == ["? uncertain: 2 windows (novelty 2, jump 1)"]


def test_a_window_called_unknown_is_not_judged(tally: Tally) -> None:
    before = tally.snapshot(100).total
    tally.add(diagnosis("press-1", "Unknown", "Ball", reasons=["novelty"]))
    after = tally.snapshot(100).total
    assert (after.judged, after.agreed) == (before.judged, before.agreed)
