"""`--workers`: one port for the metrics and the health of all."""

import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from bearing_stream.config import load
from bearing_stream.observability import Endpoint, Response
from consumer import workers as supervising
from consumer.events import FAILED, READY, WORKER_STARTED
from consumer.settings import ConsumerSettings
from consumer.telemetry.serving import SOCKETS_VARIABLE, socket_of
from consumer.telemetry.worker_endpoint import routes_to
from consumer.worker import WORKER_VARIABLE
from tests.consumer_process import ConsumerProcess
from tests.endpoint_client import address_of, await_ready, get, samples
from tests.kafka_tools import Topics, eventually, simulate_windows, wait_until_finished
from tools.chaos.member import Member


def always(response: Response) -> Callable[[str], Response]:
    return lambda _accept: response


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[dict[int, Path]]:
    """Three workers: one is ready, one is not, and one does not respond."""
    sockets = {number: socket_of(tmp_path, number) for number in (1, 2, 3)}
    with ExitStack() as stack:
        for number, status, state in ((1, 200, "ready"), (2, 503, "not ready")):
            text = f"# TYPE bearing_stream_windows counter\nbearing_stream_windows_total {number}\n"
            body = json.dumps({"status": state, "problems": []})
            routes = {
                "/metrics": always(Response(200, "text/plain", text.encode())),
                "/readyz": always(Response(status, "application/json", body.encode())),
            }
            stack.enter_context(closing(Endpoint(sockets[number], routes)))
        yield sockets


def test_metrics_have_the_label_worker_and_a_missing_worker_shows(
    workers: dict[int, Path],
) -> None:
    text = routes_to(workers)["/metrics"]("").body.decode()
    found = {
        (sample.name, sample.labels.get("worker")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("bearing_stream_windows_total", "1"): 1,
        ("bearing_stream_windows_total", "2"): 2,
        ("bearing_stream_worker_up", "1"): 1,
        ("bearing_stream_worker_up", "2"): 1,
        ("bearing_stream_worker_up", "3"): 0,
    }


def test_all_are_ready_if_each_is(workers: dict[int, Path]) -> None:
    response = routes_to(workers)["/readyz"]("")
    body = json.loads(response.body)
    assert (response.status, body["status"]) == (503, "not ready")
    assert {number: one["status"] for number, one in body["workers"].items()} == {
        "1": "ready",
        "2": "not ready",
        "3": "not ready",
    }
    assert body["workers"]["3"]["problems"] == ["the worker does not respond"]
    assert routes_to({1: workers[1]})["/readyz"]("").status == 200


def test_a_worker_that_is_not_well_restarts_no_other(workers: dict[int, Path]) -> None:
    assert routes_to(workers)["/livez"]("").status == 200


def test_the_log_lines_of_the_endpoint_have_the_worker_0(tmp_path: Path) -> None:
    environment = {WORKER_VARIABLE: "0", SOCKETS_VARIABLE: str(tmp_path)}
    arguments = ["--workers=2", "--metrics-port=0"]
    endpoint = Member("bearing_stream", arguments, tmp_path / "log", environment)
    try:
        address_of(endpoint)
        endpoint.stop()
    finally:
        endpoint.kill()
    assert [line["worker"] for line in endpoint.events()] == [0]


def refusal(monkeypatch: pytest.MonkeyPatch, **settings: object) -> str:
    """Why two workers that serve metrics are not started."""

    class NeverStarted:
        def __init__(self, _commands: object) -> None:
            pytest.fail("it is started")

    monkeypatch.setattr(supervising, "Supervisor", NeverStarted)
    settings = {"workers": 2, "metrics_port": 0} | settings
    with capture_logs() as lines:
        assert supervising.run_workers(load(ConsumerSettings, settings), ["consume"]) == 1
    [failed] = lines
    assert failed["event"] == FAILED.name
    return str(failed["error"])


def test_without_a_temporary_folder_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    error = refusal(monkeypatch)
    assert "No such file or directory; set TMPDIR to a writable folder" in error


def test_where_the_path_of_a_socket_is_too_long_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ("a" * 110)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    error = refusal(monkeypatch)
    assert "path too long; set TMPDIR to a writable folder with a short path" in error
    assert list(folder.iterdir()) == []


def test_where_the_metrics_port_is_in_use_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = refusal(monkeypatch, metrics_port=port)
    assert f"port {port}: Address already in use; choose another --metrics-port" in error


@pytest.mark.integration
def test_workers_are_one_target_for_prometheus(topics: Topics) -> None:
    sent = simulate_windows(topics, 400)
    with ConsumerProcess(topics, "--workers=2", "--metrics-port=0") as consumer:
        address = address_of(consumer)
        eventually(lambda: len(consumer.events(READY)) == 2, "both workers are ready")
        await_ready(address)
        wait_until_finished(topics)

        def diagnosed() -> dict[str, float]:
            return {
                worker: sum(
                    value
                    for (name, labels), value in samples(address).items()
                    if name == "bearing_stream_diagnoses_total" and ("worker", worker) in labels
                )
                for worker in ("1", "2")
            }

        eventually(lambda: sum(diagnosed().values()) == sent, "both are counted")
        by_number = {e["worker"]: e["process"] for e in consumer.events(WORKER_STARTED)}
        os.kill(by_number[2], signal.SIGSTOP)
        eventually(
            lambda: samples(address)["bearing_stream_worker_up", (("worker", "2"),)] == 0,
            "the one that is frozen shows",
        )
        assert get(f"{address}/readyz").status == 503
        os.kill(by_number[2], signal.SIGCONT)
        consumer.stop()
