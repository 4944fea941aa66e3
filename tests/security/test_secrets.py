"""No secret in logs, errors, help or process titles, whatever is wrong with it."""

import json
import logging
from collections.abc import Iterator

import psutil
import pytest
import structlog
from click.testing import CliRunner

from bearing_stream.cli import COMMANDS, main
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
    # Misspelt ones hold secrets too.
    "sasl.pasword",
    "sasl.passwd",
)

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


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("command", CONNECTING, ids=" ".join)
@pytest.mark.parametrize("name", SENSITIVE)
def test_a_secret_is_not_told_when_it_is_wrong(
    command: tuple[str, ...],
    name: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All ways in which librdkafka may take offence, and it may print by itself too."""
    monkeypatch.setattr(startup, "LOOK_TIMEOUT", 0.2)
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
    told = done.output + captured.out + captured.err
    assert told
    assert SECRET not in told


@pytest.mark.parametrize("command", COMMANDS)
def test_help_repeats_nothing_of_the_environment(command: str) -> None:
    environment = {"BEARING_STREAM_KAFKA": json.dumps({"sasl.password": SECRET})}
    done = CliRunner().invoke(main, [command, "--help"], env=environment)
    assert done.exit_code == 0
    assert SECRET not in done.output


@pytest.mark.integration
def test_a_running_consumer_tells_no_password(cluster: Cluster) -> None:
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
    told = "\n".join(consumer.output) + repr(titles)
    assert password(ADMIN) not in told
