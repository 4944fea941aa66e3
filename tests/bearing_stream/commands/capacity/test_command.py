import json
import os
import subprocess

import pytest
from click.testing import CliRunner

from bearing_stream.cli import main
from bearing_stream.commands.capacity import command as module
from bearing_stream.kafka import admin_client
from bearing_stream.program import PROGRAM
from tests.brokers import Broker

FEW = ("--backlog", "25000", "--max-seconds", "20", "--max-workers", "1")


@pytest.mark.integration
def test_a_cluster_is_measured_and_left_as_it_was(broker: Broker) -> None:
    admin = admin_client({"bootstrap.servers": broker.bootstrap_servers})
    ran = subprocess.run(
        [*PROGRAM, "capacity", "--json", *FEW, "--bootstrap-servers", broker.bootstrap_servers],
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["sensors"] > 0
    assert found["workers"] == 1
    [carried] = found["carried"]
    assert carried["run"]["consumer_us"] > 0
    assert carried["run"]["kafka_us"] is None, "its processor is not this machine's"
    assert "kafka" not in found["settings"]
    assert not [name for name in admin.list_topics().topics if "capacity" in name]


@pytest.mark.integration
def test_a_consumer_that_fails_ends_it_with_its_reason(broker: Broker) -> None:
    ran = subprocess.run(
        [*PROGRAM, "capacity", *FEW, "--bootstrap-servers", broker.bootstrap_servers],
        capture_output=True, text=True, timeout=150, check=False,
        env=os.environ | {"BEARING_STREAM_ASSETS": "/nowhere"},
    )  # fmt: skip
    assert ran.returncode == 1
    assert "`bearing-stream consume` ended with 1" in ran.stderr
    assert "/nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_system_without_proc_gets_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(module, "PROC", tmp_path_factory.mktemp("empty"))
    result = CliRunner().invoke(main, ["capacity"])
    assert result.exit_code == 1
    assert "only Linux has" in result.output


@pytest.mark.parametrize("option", ["--backlog=10", "--max-workers=0", "--guarantee=twice"])
def test_a_wrong_setting_is_refused_before_anything_starts(option: str) -> None:
    result = CliRunner().invoke(main, ["capacity", option])
    assert result.exit_code == 2
    assert option.partition("=")[0] in result.output
