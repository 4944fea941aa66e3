"""The least ACLs, as SECURITY.md lists them: they are enough, and each is needed."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from bearing_stream.commands.alarms import acting
from bearing_stream.commands.alarms.acting import command_for
from bearing_stream.commands.alarms.notify.events import READY as NOTIFYING
from bearing_stream.commands.alarms.notify.receivers_file import parse as parse_receivers
from bearing_stream.commands.alarms.notify.service import run as notify
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.service import AlarmService
from bearing_stream.commands.alarms.topics import create as create_alarm_topics
from bearing_stream.commands.page.alarm_reader import AlarmThread
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.window import WindowError, WindowReader
from bearing_stream.kafka import FatalKafkaError, TopicReader, create_topics, largest_message
from bearing_stream.wire import Diagnosis, decode_diagnosis
from bearing_stream.wire.alarm_terms import Action
from consumer.events import FAILED, READY, REPORT
from consumer.service import Service
from consumer.settings import ConsumerSettings
from model.sensors import load as load_sensors
from tests.bearing_stream.commands.page.alarm_examples import alarm
from tests.bearing_stream.commands.page.processes import page
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import PATIENCE, Topics, eventually, headers_of
from tests.security.cluster import Cluster, as_environment, login, only_line, run
from tests.security.documented import binding
from tools.chaos.member import Member
from tools.deploy.acls import Grant, documented_grants

pytestmark = pytest.mark.integration

DOCUMENTED = documented_grants()

COMMANDS = {
    "simulate": ("simulate", "--source=synthetic", "--speed=max", "--limit=40", "--malformed=.2"),
    "watch": ("watch", "--from-beginning", "--limit=1"),
    # The first window is diagnosed, whatever other tests send.
    "verify": ("verify", "--to-offset=0=1"),
    "dead-letters list and show": ("dead-letters", "list"),
    "dead-letters redrive": ("dead-letters", "redrive", "--execute"),
}
"""Name in SECURITY.md → arguments."""

EXACTLY_ONCE = DOCUMENTED["consume"]
AT_LEAST_ONCE = EXACTLY_ONCE[:-3]

MIRROR = """
[[receiver]]
name = "mirror"
kind = "alertmanager"
url = "http://127.0.0.1:9"
"""
"""A receiver that needs all of the documented ACLs."""

DEFAULTS = Topics("", "bearing.windows", "bearing.diagnoses", "bearing.dead-letters", "")


@dataclass(frozen=True)
class Stage:
    """A cluster with the three topics, and windows in the first."""

    cluster: Cluster

    def properties(self, held: Iterable[Grant]) -> dict[str, str]:
        """Connection properties of a new user with these grants."""
        user = self.cluster.new_user([binding(grant, "anybody") for grant in held])
        return self.cluster.kafka.client_properties | login(user)

    def consumer(self, held: Iterable[Grant], *arguments: str) -> ConsumerProcess:
        """Start the consumer as a process, for a new user with these grants."""
        environment = as_environment(self.properties(held))
        arguments = ("--device=cpu", "--report-interval=0.2", *arguments)
        return ConsumerProcess(DEFAULTS, *arguments, environment=environment, defaults=False)

    def diagnose(self, held: Iterable[Grant], *arguments: str) -> None:
        """Run the consumer until it has diagnosed a window, and stop it."""
        with self.consumer(held, *arguments) as consumer:
            consumer.wait_for(READY)
            eventually(
                lambda: any(line["diagnosed"] for line in consumer.events(REPORT)), "diagnoses"
            )
            consumer.stop()


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Stage:
    """Windows that a user with the documented ACLs simulated."""
    names = (DEFAULTS.windows, DEFAULTS.diagnoses, DEFAULTS.dead_letters)
    create_topics(cluster.kafka.client_properties, dict.fromkeys(names, 1))
    stage = Stage(cluster)
    sent = run(stage.properties(DOCUMENTED["simulate"]), *COMMANDS["simulate"])
    assert sent.exit_code == 0, sent.output
    return stage


@pytest.fixture(scope="module")
def diagnosed(stage: Stage) -> Stage:
    """The same windows, diagnosed by a consumer with the documented ACLs."""
    stage.diagnose(EXACTLY_ONCE)
    return stage


def test_every_command_has_its_acls() -> None:
    services = {"consume", "alarms", "alarms notify", "page", "alarms on the page"}
    assert DOCUMENTED.keys() == {*services, *COMMANDS}
    assert all(DOCUMENTED.values())
    *_, read_diagnoses, read_dead_letters, transactional_id = EXACTLY_ONCE
    assert (read_diagnoses.operation, read_dead_letters.operation) == ("Read", "Read")
    assert transactional_id.kind == "--transactional-id"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "simulate"])
def test_the_documented_acls_are_enough(command: str, diagnosed: Stage) -> None:
    done = run(diagnosed.properties(DOCUMENTED[command]), *COMMANDS[command])
    assert done.exit_code == 0, done.output


def test_the_page_shows_the_diagnoses_and_states_that_it_may_not_read_a_window(
    diagnosed: Stage,
) -> None:
    environment = as_environment(diagnosed.properties(DOCUMENTED["watch"]))
    with page(DEFAULTS, environment=environment) as running:
        eventually(lambda: bool(running.sensors()), "the page has a sensor")
        row = next(iter(running.sensors().values()))
        query = urlencode({"source": row["source"], "sensor": row["sensor"]})
        with pytest.raises(HTTPError) as refused:
            running.get(f"/api/window?{query}")
        assert refused.value.code == 503
        assert "grant READ" in refused.value.read().decode()
        eventually(running.is_ready, "the page is ready")
        # There is no topic of alarms, which this user may not know either.
        alarms = running.get("/readyz")["alarms"]
        assert (alarms["state"], "grant READ" in alarms["detail"]) == ("refused", True), alarms


def test_at_least_once_needs_no_transactional_id_and_reads_no_output(
    diagnosed: Stage,
) -> None:
    again = run(diagnosed.cluster.properties(), *COMMANDS["simulate"])
    assert again.exit_code == 0, again.output
    diagnosed.diagnose(AT_LEAST_ONCE, "--guarantee=at-least-once")


@pytest.fixture(scope="module")
def lacking(stage: Stage) -> Iterator[dict[Grant, ConsumerProcess]]:
    """Grant → a consumer without it. They start at once, since the start takes most of the time."""
    with ExitStack() as stack:
        yield {
            missing: stack.enter_context(
                stage.consumer(grant for grant in EXACTLY_ONCE if grant != missing)
            )
            for missing in EXACTLY_ONCE
        }


@pytest.mark.parametrize("missing", EXACTLY_ONCE, ids=str)
def test_consume_without_one_acl_ends_with_a_line_that_names_it(
    missing: Grant, lacking: dict[Grant, ConsumerProcess]
) -> None:
    consumer = lacking[missing]
    # Seven consumers start at once.
    assert consumer.wait(2 * PATIENCE) == 1
    [line] = consumer.events(FAILED)
    assert_named(missing, line["error"])
    assert "Traceback" not in "\n".join(consumer.output)


@pytest.mark.parametrize("missing", AT_LEAST_ONCE, ids=str)
def test_consume_at_least_once_without_one_acl_names_it(missing: Grant, stage: Stage) -> None:
    given = connection(stage.properties(grant for grant in AT_LEAST_ONCE if grant != missing))
    settings = ConsumerSettings(**given, guarantee="at-least-once", device="cpu")
    with pytest.raises(FatalKafkaError) as caught:
        Service(settings).run()
    assert_named(missing, str(caught.value))


@pytest.mark.parametrize(
    ("command", "missing"),
    [(command, grant) for command in COMMANDS for grant in DOCUMENTED[command]],
    ids=str,
)
def test_every_other_command_without_one_acl_names_it(
    command: str, missing: Grant, diagnosed: Stage
) -> None:
    held = [grant for grant in DOCUMENTED[command] if grant != missing]
    assert_named(missing, only_line(run(diagnosed.properties(held), *COMMANDS[command])))


def test_the_page_reads_a_measurement_with_the_documented_acls_only(diagnosed: Stage) -> None:
    of_diagnoses, of_windows = DOCUMENTED["page"]
    both = diagnosed.properties((of_diagnoses, of_windows))
    reader = TopicReader(dict(both), DEFAULTS.diagnoses)
    message = next(iter(reader.read(reader.spans())))
    _, diagnosis = decode_diagnosis(headers_of(message), message.value())
    assert b"waveform" in _window(both, diagnosis)
    with pytest.raises(WindowError, match="could not be read"):
        _window(diagnosed.properties([of_diagnoses]), diagnosis)


def test_the_page_does_not_start_without_diagnoses_to_read(diagnosed: Stage) -> None:
    of_diagnoses, of_windows = DOCUMENTED["page"]
    line = only_line(run(diagnosed.properties([of_windows]), "page", "--port=0"))
    assert_named(of_diagnoses, line)


@pytest.fixture(scope="module")
def alarmed(diagnosed: Stage) -> Stage:
    """The same, with the topics of alarms."""
    create_alarm_topics(AlarmSettings(**connection(diagnosed.cluster.properties())))
    return diagnosed


def test_the_page_shows_alarms_and_sends_commands_with_the_documented_acls_only(
    alarmed: Stage,
) -> None:
    documented = DOCUMENTED["alarms on the page"]
    assert _sent(alarmed, documented) == ""
    for missing in documented:
        held = [grant for grant in documented if grant != missing]
        refusal = _sent(alarmed, held)
        assert missing.operation.upper() in refusal, refusal
        assert f"'{missing.name}'" in refusal, refusal


def _sent(stage: Stage, held: Iterable[Grant]) -> str:
    """Read the alarms and send a command as the page does; return why Kafka refuses, if it does."""
    settings = PageSettings(**connection(stage.properties(held)))
    thread = AlarmThread(settings, AlarmTable(10))
    thread.start()
    eventually(lambda: thread.reading.state in ("read", "refused"), "the alarms are read")
    thread.stop()
    command = command_for(alarm(), Action.ACKNOWLEDGE, "ann", "seen", datetime.now(UTC))
    try:
        acting.send(settings, [(command, 0)], 0)
    except FatalKafkaError as error:
        return str(error)
    return thread.reading.detail


def alarm_service(stage: Stage, held: Iterable[Grant]) -> AlarmService:
    given = connection(stage.properties(held))
    return AlarmService(AlarmSettings(**given, checkpoint_interval=0.1))


def test_alarms_commit_with_the_documented_acls(alarmed: Stage) -> None:
    service = alarm_service(alarmed, DOCUMENTED["alarms"])
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(service.run)
        metrics = service.telemetry.sources.metrics
        eventually(lambda: running.done() or metrics.reflected > 0, "a commit")
        service.stop()
    assert running.exception() is None


@pytest.mark.parametrize("missing", DOCUMENTED["alarms"], ids=str)
def test_alarms_without_one_acl_names_it(missing: Grant, alarmed: Stage) -> None:
    held = [grant for grant in DOCUMENTED["alarms"] if grant != missing]
    with pytest.raises(FatalKafkaError) as caught:
        alarm_service(alarmed, held).run()
    assert_named(missing, str(caught.value))


def test_a_notifier_joins_with_the_documented_acls(alarmed: Stage, tmp_path: Path) -> None:
    environment = as_environment(alarmed.properties(DOCUMENTED["alarms notify"]))
    receivers = tmp_path / "notifiers.toml"
    receivers.write_text(MIRROR)
    arguments = ["notify", f"--receivers={receivers}"]
    log = tmp_path / "log"
    notifier = Member("bearing_stream", arguments, log, environment, command="alarms")
    try:
        notifier.await_event(NOTIFYING)
        notifier.stop()
    finally:
        notifier.kill()


@pytest.mark.parametrize("missing", DOCUMENTED["alarms notify"], ids=str)
def test_a_notifier_without_one_acl_names_it(missing: Grant, alarmed: Stage) -> None:
    held = [grant for grant in DOCUMENTED["alarms notify"] if grant != missing]
    given = connection(alarmed.properties(held))
    settings = NotifySettings.model_validate({"receivers": "unused", **given})
    with capture_logs() as logs:
        assert notify(settings, parse_receivers(MIRROR)) == 1
    assert_named(missing, next(each["error"] for each in logs if each["event"] == "failed"))


def connection(properties: dict[str, str]) -> dict[str, Any]:
    """Return client properties as settings."""
    kafka = dict(properties)
    return {"bootstrap_servers": kafka.pop("bootstrap.servers"), "kafka": kafka}


def _window(properties: dict[str, str], diagnosis: Diagnosis) -> bytes:
    settings = PageSettings(**connection(properties))
    with closing(WindowReader(settings, load_sensors(None))) as windows:
        return asyncio.run(windows.read(diagnosis))


def assert_named(missing: Grant, line: str) -> None:
    """The line names the operation and the resource that are missing."""
    assert missing.operation.upper() in line
    assert f"'{missing.name}" in line
    assert missing.kind.removeprefix("--").replace("-", " ") in line
    assert "\n" not in line
    if missing.kind == "--topic":
        assert "User:user-" in line


def test_the_largest_message_is_unknown_without_describe_configs(stage: Stage) -> None:
    properties = stage.properties(DOCUMENTED["simulate"])
    assert largest_message(properties, DEFAULTS.windows) is None
    assert largest_message(stage.cluster.kafka.client_properties, DEFAULTS.windows) == 1_048_588
