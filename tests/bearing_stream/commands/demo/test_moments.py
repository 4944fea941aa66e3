"""How long the steps of the demo took."""

from pathlib import Path

from bearing_stream.commands.demo.moments import Moments, ready_at

LOG = """starting
{"event": "waiting_at_startup", "timestamp": "2026-01-31T12:00:00.000000Z"}
{"event": "ready", "level": "info", "timestamp": "2026-01-31T12:00:01.500000Z"}
{"event": "stopped", "timestamp": "2026-01-31T12:00:09.000000Z"}
"""


def test_the_start_of_the_consumer_and_joining_its_group_are_apart() -> None:
    moments = Moments(
        consumer_started=100.0,
        consumer_ready=102.0,
        group_joined=102.5,
        first_diagnosis=103.0,
        caught_up=105.0,
        live_feed=107.0,
        first_live_diagnosis=107.04,
    )
    assert moments.durations() == {
        "loading": 2.0,
        "joining_the_group": 0.5,
        "start_to_first_diagnosis": 3.0,
        "start_to_caught_up": 5.0,
        "start_to_first_live_diagnosis": 7.04,
        "live_feed_to_first_live_diagnosis": 0.04,
    }


def test_what_was_not_reached_has_no_duration() -> None:
    durations = Moments(consumer_started=100.0, first_diagnosis=103.0).durations()
    assert {name for name, seconds in durations.items() if seconds is not None} == {
        "start_to_first_diagnosis"
    }


def test_the_log_of_the_consumer_states_when_it_was_ready(tmp_path: Path) -> None:
    log = tmp_path / "consumer.log"
    log.write_text(LOG)
    assert ready_at(log) == 1769860801.5
    log.write_text("")
    assert ready_at(log) is None
