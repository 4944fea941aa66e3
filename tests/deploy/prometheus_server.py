"""A real Prometheus that scrapes stages, and what it finds."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bearing_stream.local_kafka.ports import free_ports
from tests.deploy.expressions import RULES
from tests.endpoint_client import get
from tests.kafka_tools import eventually

PROGRAM: Final = shutil.which("prometheus")

needs_prometheus: Final = pytest.mark.skipif(
    PROGRAM is None,
    reason="no prometheus: go install github.com/prometheus/prometheus/cmd/prometheus@v0.316.0",
)


@contextmanager
def prometheus(
    targets: Mapping[str, str], folder: Path, rules: Path = RULES, interval: str = "1s"
) -> Iterator[str]:
    """Run a Prometheus that scrapes and evaluates in each interval; yields its address.

    Args:
        targets: Job → the address of its metrics, as a stage logs it.
        folder: For its files.
        rules: Of the alerts.
        interval: A duration as Prometheus writes it.
    """
    assert PROGRAM is not None
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [where.removeprefix("http://")]}]}
            for job, where in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        PROGRAM,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            eventually(lambda: _is_ready(address), "Prometheus is ready")
            yield address
        finally:
            process.terminate()
            process.wait()


def _is_ready(address: str) -> bool:
    try:
        return get(f"{address}/-/ready").status == 200
    except OSError:
        return False


def query(address: str, expression: str) -> list[Any]:
    """Return the result of an expression, now; fails if Prometheus refuses or warns."""
    asked = urllib.parse.urlencode({"query": expression})
    reply = json.loads(get(f"{address}/api/v1/query?{asked}").text)
    assert reply["status"] == "success", reply
    assert "warnings" not in reply, reply
    found: list[Any] = reply["data"]["result"]
    return found


def has(address: str, expression: str) -> bool:
    """Whether an expression has a result now."""
    return bool(query(address, expression))


def alert_states(address: str) -> dict[str, str]:
    """Return alert → `inactive`, `pending` or `firing`; fails if a rule cannot be evaluated."""
    groups = json.loads(get(f"{address}/api/v1/rules").text)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}, rules
    return {rule["name"]: rule["state"] for rule in rules}


def have_fired(address: str) -> set[str]:
    """Return the alerts that have fired since the start, or fire now."""
    found = query(
        address, 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1h]))'
    )
    return {each["metric"]["alertname"] for each in found}


def await_state(address: str, state: str, *alerts: str) -> None:
    """Wait until some alerts are in a state, all at the same time."""
    others: set[str] = set()

    def reached() -> bool:
        states = alert_states(address)
        others.clear()
        others.update(name for name in alerts if states[name] != state)
        return not others

    try:
        eventually(reached, state)
    except AssertionError as late:
        raise AssertionError(f"{sorted(others)}: {late}") from None
