"""Prometheus itself scrapes both stages, and evaluates every rule and panel."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.deploy.expressions import EXPRESSIONS
from tests.deploy.prometheus_server import has, needs_prometheus, prometheus, query
from tests.endpoint_client import address_of, await_ready, get
from tests.kafka_tools import delete_topics, eventually, new_topics, simulate_windows

pytestmark = [pytest.mark.integration, needs_prometheus]

EMPTY: Final = {
    # Series of these begin with the first error, or are filtered by their own expression.
    "is-it-well: Dead letters a second",
    "causes: Headers that could not be read, a second",
    "causes: Client errors a second",
    "causes: Open transactions",
    "causes: Events a second",
    "causes: Diagnoses a second B",
    # There is one consumer, and no supervisor.
    "causes: Repeated, restarted, fallen back D",
    # Nobody is notified here.
    "causes: Lag, the worst receivers",
    "causes: Messages a second",
    "causes: Events without a message of their own, a second; notifiers",
}

MAY_FIRE: Final = {
    "SensorsSilent",
    # The two stages have topics of their own here, and diagnoses of one are none of the other.
    "AlarmsStalled",
}


def test_every_rule_and_panel_evaluates_on_a_real_scrape(broker: Broker, tmp_path: Path) -> None:
    topics = new_topics(broker.bootstrap_servers)
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=3)
    option = "--metrics-port=0"
    with ConsumerProcess(topics, option) as consumer, plant.stage(option) as alarms:
        addresses = {"bearing-stream": address_of(consumer), "alarms": address_of(alarms)}
        for address in addresses.values():
            await_ready(address)
        with prometheus(addresses, tmp_path) as at:
            eventually(lambda: has(at, "min(count_over_time(up[1m])) >= 3"), "scrapes")
            simulate_windows(topics, 400)
            plant.windows(60)
            eventually(lambda: has(at, "sum(bearing_stream_diagnoses_total) >= 400"), "windows")
            eventually(lambda: has(at, "bearing_stream_alarms_diagnoses_total == 180"), "alarms")
            eventually(lambda: has(at, "sum(rate(bearing_stream_diagnoses_total[1m])) > 0"), "it")
            results = {
                name: query(at, expression.replace('{job=~"a|b"', '{job=~".*"'))
                for name, expression in EXPRESSIONS.items()
            }
            groups = json.loads(get(f"{at}/api/v1/rules").text)["data"]["groups"]
            consumer.stop()
            alarms.stop()
    rules = [rule for group in groups for rule in group["rules"]]
    delete_topics(topics)
    empty = {name for name, found in results.items() if ":" in name and not found}
    assert {name for name in empty if not name.startswith(tuple(EMPTY))} == set()
    assert {rule["name"] for rule in rules} == {name for name in EXPRESSIONS if ":" not in name}
    assert {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}
    assert {rule["state"] for rule in rules if rule["name"] not in MAY_FIRE} == {"inactive"}
