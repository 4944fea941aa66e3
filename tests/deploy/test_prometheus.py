"""Prometheus itself scrapes both stages, and evaluates every rule and panel."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bearing_stream.local_kafka.ports import free_ports
from tests.bearing_stream.commands.alarms.plant import Plant
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.deploy.expressions import EXPRESSIONS, RULES
from tests.endpoint_client import address_of, await_ready, get
from tests.kafka_tools import delete_topics, eventually, new_topics, simulate_windows

PROMETHEUS: Final = shutil.which("prometheus")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        PROMETHEUS is None,
        reason="no prometheus: go install github.com/prometheus/prometheus/cmd/prometheus@v0.316.0",
    ),
]

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


@contextmanager
def prometheus(targets: dict[str, str], folder: Path) -> Iterator[str]:
    """Run a Prometheus that scrapes the target of each job each second; yields its address."""
    assert PROMETHEUS is not None
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        PROMETHEUS,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def query(address: str, expression: str) -> list[Any]:
    """Return the result of an expression, now; fails if Prometheus refuses or warns."""
    asked = urllib.parse.urlencode({"query": expression})
    reply = json.loads(get(f"{address}/api/v1/query?{asked}").text)
    assert reply["status"] == "success", reply
    assert "warnings" not in reply, reply
    found: list[Any] = reply["data"]["result"]
    return found


def has(address: str, expression: str) -> bool:
    try:
        return bool(query(address, expression))
    except OSError:
        return False


def test_every_rule_and_panel_evaluates_on_a_real_scrape(broker: Broker, tmp_path: Path) -> None:
    topics = new_topics(broker.bootstrap_servers)
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=3)
    option = "--metrics-port=0"
    with ConsumerProcess(topics, option) as consumer, plant.stage(option) as alarms:
        addresses = {"bearing-stream": address_of(consumer), "alarms": address_of(alarms)}
        for address in addresses.values():
            await_ready(address)
        targets = {job: where.removeprefix("http://") for job, where in addresses.items()}
        with prometheus(targets, tmp_path) as at:
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
