import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from bearing_stream.commands.demo.account import Account
from bearing_stream.commands.demo.summary import latency, write
from bearing_stream.kafka import admin_client
from bearing_stream.program import PROGRAM
from tests.brokers import Broker

SUMMARY = {
    "source",
    "broker",
    "windows_sent",
    "diagnosed",
    "dead_letters",
    "lost",
    "duplicated",
    "agreement",
    "agreement_by_class",
    "alarm_events",
    "throughput_windows_per_s",
    "latency_ms",
    "seconds",
}


JOIN_TOLERANCE = 0.5
"""Seconds by which the demo may notice late that the consumer has joined."""


def test_an_empty_account_has_no_agreement_and_no_latency(tmp_path: Path) -> None:
    path = tmp_path / "new" / "demo.json"

    write(Account(), "synthetic", "local", path)

    written = json.loads(path.read_text())
    assert written.keys() == SUMMARY
    assert written["agreement"] is None
    assert written["latency_ms"] == {}
    assert written["alarm_events"] == []


def test_latency_names_its_quantiles() -> None:
    assert latency(range(101)) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


@pytest.mark.integration
def test_the_demo_runs_on_a_given_kafka_and_leaves_nothing_there(
    broker: Broker, tmp_path: Path
) -> None:
    output, browser, shown = (tmp_path / name for name in ("demo.json", "browser", "shown"))
    browser.write_text(f'#!/bin/sh\necho "$1" > {shown}\n')
    browser.chmod(0o700)
    admin = admin_client({"bootstrap.servers": broker.bootstrap_servers})
    arguments = ["--bootstrap-servers", broker.bootstrap_servers, "--output", str(output)]

    ran = subprocess.run(
        [*PROGRAM, "demo", "--page", "--seconds", "2", "--backlog", "2000", *arguments],
        env=os.environ | {"BROWSER": str(browser)},
        capture_output=True,
        text=True,
        timeout=150,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    address = shown.read_text().strip()
    assert f"Page   {address}, until the demo ends" in ran.stdout
    with socket.socket() as ended, pytest.raises(ConnectionRefusedError):
        ended.connect(("127.0.0.1", int(address.rpartition(":")[2])))
    summary = json.loads(output.read_text())
    assert summary.keys() == SUMMARY
    assert (summary["lost"], summary["duplicated"]) == (0, 0)
    assert summary["windows_sent"] > 2000
    assert summary["diagnosed"] + summary["dead_letters"] == summary["windows_sent"]
    assert summary["agreement"] > 0.95
    assert summary["alarm_events"] == ["raised", "acknowledged", "cleared"]
    assert summary["latency_ms"].keys() == {"p50", "p95", "p99"}
    seconds = summary["seconds"]
    assert seconds["loading"] + seconds["joining_the_group"] <= (
        seconds["start_to_first_diagnosis"] + JOIN_TOLERANCE
    )
    assert (
        seconds["start_to_first_diagnosis"]
        < seconds["start_to_caught_up"]
        < seconds["start_to_first_live_diagnosis"]
    )
    assert 0 < seconds["live_feed_to_first_live_diagnosis"] < seconds["start_to_caught_up"]
    assert [name for name in admin.list_topics(timeout=10).topics if "bearing-demo" in name] == []
