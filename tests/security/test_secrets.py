"""No secret is printed in logs, errors, help or process titles."""

import json
import logging
from collections.abc import Iterator

import psutil
import pytest
import structlog
from click.testing import CliRunner

from bearing_stream.cli import COMMANDS, main
from bearing_stream.config.base import SECRET_NAME
from bearing_stream.kafka import create_topics, startup
from bearing_stream.local_kafka.ports import free_ports
from consumer.events import READY
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics
from tests.security.cluster import ADMIN, Cluster, as_environment, password, run

SECRET = "corr3ct-h0rse"

SENSITIVE = (
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.jaas.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.assertion.private.key.passphrase",
)
"""Client properties whose values are secrets."""

MISSPELT = ("sasl.pasword", "sasl.passwd")
"""Properties that librdkafka does not know. Their values are secrets too."""

OPEN = (
    "bootstrap.servers",
    "sasl.username",
    "sasl.mechanism",
    "ssl.ca.location",
    "ssl.certificate.location",
    "partition.assignment.strategy",
)
"""Client properties that a log should show."""

CONNECTING = (
    ("consume", "--log-level=debug", "--log-format=json"),
    ("consume", "--log-level=debug", "--log-format=console"),
    ("simulate", "--source=synthetic"),
    ("watch",),
    ("verify",),
    ("dead-letters", "list"),
    ("dead-letters", "redrive"),
)


@pytest.fixture
def logs() -> Iterator[None]:
    """Logging as it was before, after a consumer in this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def assert_keeps_the_secret(
    command: tuple[str, ...], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Run a command with a secret as the value of a property, and search all that it prints.

    No broker listens. librdkafka may refuse the property, or fail to connect, and it logs to
    stderr by itself.
    """
    properties = {
        "bootstrap.servers": f"127.0.0.1:{free_ports(1)[0]}",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "ann",
        "sasl.password": SECRET,
        "debug": "all",
        name: SECRET,
    }
    done = run(properties, *command, "--startup-timeout=0")
    assert done.exit_code == 1, done.output
    assert not done.exception or SECRET not in repr(done.exception)
    captured = capfd.readouterr()
    printed = done.output + captured.out + captured.err
    assert printed
    assert SECRET not in printed


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is not there is given up soon."""
    monkeypatch.setattr(startup, "CHECK_TIMEOUT", 0.2)


@pytest.mark.usefixtures("logs", "quick")
@pytest.mark.parametrize("command", CONNECTING, ids=" ".join)
@pytest.mark.parametrize("name", ["sasl.password", "sasl.pasword"], ids=["unused", "refused"])
def test_no_command_prints_a_secret(
    command: tuple[str, ...], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each command, both where librdkafka takes all properties and where it refuses one."""
    assert_keeps_the_secret(command, name, capfd)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", [*SENSITIVE[1:], *MISSPELT])
def test_no_property_that_holds_a_secret_is_printed(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """All commands create their clients in the same way, so one stands for all of them here."""
    assert_keeps_the_secret(("verify",), name, capfd)


def test_the_pattern_matches_every_secret_and_not_what_a_log_should_show() -> None:
    assert [name for name in SENSITIVE if not SECRET_NAME.search(name)] == []
    assert [name for name in OPEN if SECRET_NAME.search(name)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_prints_nothing_of_the_environment(command: str) -> None:
    environment = {"BEARING_STREAM_KAFKA": json.dumps({"sasl.password": SECRET})}
    done = CliRunner().invoke(main, [command, "--help"], env=environment)
    assert done.exit_code == 0
    assert SECRET not in done.output


@pytest.mark.integration
def test_a_running_consumer_prints_no_password(cluster: Cluster) -> None:
    topics = Topics("", "secret.windows", "secret.diagnoses", "secret.dead-letters", "")
    names = (topics.windows, topics.diagnoses, topics.dead_letters)
    create_topics(cluster.kafka.client_properties, dict.fromkeys(names, 1))
    environment = as_environment(cluster.properties(debug="all")) | {
        f"BEARING_STREAM_{name.upper()}": value for name, value in topics.settings.items() if value
    }
    arguments = ("--device=cpu", "--log-level=debug")
    with ConsumerProcess(topics, *arguments, environment=environment, defaults=False) as consumer:
        ready = consumer.wait_for(READY)
        titles = [each.cmdline() for each in psutil.Process().children(recursive=True)]
        consumer.stop()
    assert ready["settings"]["kafka"]["sasl.username"] == ADMIN
    assert any("consume" in title for title in titles)
    assert password(ADMIN) not in "\n".join(consumer.output) + repr(titles)
