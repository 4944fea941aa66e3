"""Readings in Prometheus' formats, of one process and of several."""

import sys
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bearing_stream.observability import Distribution, Metric, Reading
from bearing_stream.observability.prometheus import PLAIN, Exposition, merged

SENT = Metric("fleet_sent_total", "counter", ("kind",), "Messages sent.", "None.")
LAG = Metric("fleet_lag", "gauge", (), "Messages to go.", "None.")
DELAY = Metric("fleet_delay_seconds", "histogram", (), "Delays.", "None.")
NEVER = Metric("fleet_never_total", "counter", ("kind",), "Nothing so far.", "None.")

ALL = (SENT, LAG, DELAY, NEVER)


def readings() -> Iterator[Reading]:
    yield Reading(LAG, (), 7)
    yield Reading(SENT, ('a"\n\\',), 3)
    yield Reading(SENT, ("b",), 4)
    yield Reading(DELAY, (), Distribution(((0.001, 1), (0.5, 2), (float("inf"), 4)), 9.5))


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("fleet")
    }


def test_every_metric_is_described_and_every_reading_is_there() -> None:
    response = Exposition(ALL, readings).scrape("")
    text = response.body.decode()
    assert response.content_type.startswith("text/plain; version=0.0.4")
    for metric in ALL:
        assert f"# HELP {metric.name} {metric.meaning}\n" in text
        assert f"# TYPE {metric.name} {metric.kind}\n" in text
    assert parsed(text) == {
        ("fleet_lag", ()): 7,
        ("fleet_sent_total", (("kind", 'a"\n\\'),)): 3,
        ("fleet_sent_total", (("kind", "b"),)): 4,
        ("fleet_delay_seconds_bucket", (("le", "0.001"),)): 1,
        ("fleet_delay_seconds_bucket", (("le", "0.5"),)): 2,
        ("fleet_delay_seconds_bucket", (("le", "+Inf"),)): 4,
        ("fleet_delay_seconds_count", ()): 4,
        ("fleet_delay_seconds_sum", ()): 9.5,
    }


def test_openmetrics_is_sent_to_those_who_accept_it() -> None:
    response = Exposition(ALL, readings).scrape("application/openmetrics-text; version=1.0.0")
    assert response.content_type.startswith("application/openmetrics-text")
    assert b"# TYPE fleet_sent counter\n" in response.body
    assert response.body.endswith(b"# EOF\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_the_process_is_measured_under_the_usual_names() -> None:
    assert b"\nprocess_cpu_seconds_total " in Exposition((), lambda: ()).scrape("").body


def test_several_processes_are_one_exposition_with_a_label() -> None:
    text = Exposition(ALL, readings).scrape(PLAIN).body.decode()
    up = Metric("fleet_up", "gauge", ("worker",), "Whether it responds.", "None.")
    responses = [Reading(up, ("1",), 1), Reading(up, ("2",), 1), Reading(up, ("3",), 0)]
    response = merged([("1", text), ("2", text)], "worker", "", [(up, responses)])
    together = response.body.decode()
    found = parsed(together)
    single = parsed(text)
    for worker in ("1", "2"):
        own = {
            (name, tuple(label for label in labels if label != ("worker", worker))): value
            for (name, labels), value in found.items()
            if ("worker", worker) in labels and name != "fleet_up"
        }
        assert own == single
    assert found["fleet_up", (("worker", "3"),)] == 0
    # Prometheus refuses a metric whose lines are not together.
    types = [line for line in together.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
