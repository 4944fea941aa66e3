"""docker-compose.yml, Dockerfile and .dockerignore agree with one another and with the code.

`compose-spec` checks the file against the Compose specification, and the smoke test runs it where
there is a Docker engine. The other tests hold names, options and sizes against the code.
"""

import re
import shlex
import subprocess
import tomllib
from fnmatch import fnmatch
from typing import Any, Final

import click
import pytest
import yaml
from compose_spec import PyCompose

from bearing_stream.cli import main
from bearing_stream.commands.alarms.notify.service import STOP_LIMIT
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.config import ENVIRONMENT_PREFIX, Settings, load
from bearing_stream.kafka import ConnectionSettings, TopicSettings
from bearing_stream.local_kafka.configuration import replication_properties
from bearing_stream.local_kafka.jars import kafka_version, read_lock
from consumer.liveness.shutdown import SHUTDOWN_LIMIT
from consumer.settings import ConsumerSettings
from producer_sim.settings import SimulatorSettings
from tests.brokers import docker_responds
from tests.paths import ROOT

SETTINGS: Final[dict[str, type[Settings]]] = {
    "consume": ConsumerSettings,
    "simulate": SimulatorSettings,
    "alarms": AlarmSettings,
    "alarms notify": NotifySettings,
}

KAFKA_DEFAULT_MESSAGE_BYTES: Final = 1_048_588
"""`max.message.bytes` of a topic that sets none."""

CONSUMER_BYTES: Final = 200 * 1024**2
"""The most memory that the consumer without PyTorch was measured to need (docs/performance.md)."""

Service = dict[str, Any]


def compose_text() -> str:
    """Return the file as Compose reads it with nothing set in the environment."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    found: dict[str, Service] = yaml.safe_load(compose_text())["services"]
    return found


def own(services: dict[str, Service]) -> list[Service]:
    """Return the services that run our image."""
    return [service for service in services.values() if "build" in service]


def created_topics(services: dict[str, Service]) -> dict[str, dict[str, str]]:
    """Return topic → options of kafka-topics.sh, by running the script with `echo` in its place."""
    shell, flags, script = services["topics"]["command"]
    script = script.replace("$$", "$").replace(
        "/opt/kafka/bin/kafka-topics.sh", "echo kafka-topics"
    )
    ran = subprocess.run([shell, flags, script], capture_output=True, text=True, check=True)
    topics = {}
    for line in ran.stdout.splitlines():
        command, *words = [word for word in shlex.split(line) if word != "--create"]
        assert command == "kafka-topics"
        words.remove("--if-not-exists")
        options = dict(zip(words[::2], words[1::2], strict=True))
        topics[options["--topic"]] = options
    return topics


def test_it_follows_the_compose_specification() -> None:
    # The parser knows no merge keys; PyYAML resolves them.
    resolved = yaml.safe_dump(yaml.safe_load(compose_text()))
    assert PyCompose.from_yaml(resolved).service_names()


def test_commands_exist_with_their_options_and_settings(
    services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {" ".join(service["command"]) for service in own(services)} == set(SETTINGS)
    for service in own(services):
        subcommand = " ".join(service["command"])
        assert main.get_command(click.Context(main), service["command"][0]) is not None
        names = set(SETTINGS[subcommand].model_fields)
        with monkeypatch.context() as environment:
            for variable, value in service["environment"].items():
                assert variable.startswith(ENVIRONMENT_PREFIX)
                assert variable.removeprefix(ENVIRONMENT_PREFIX).lower() in names, variable
                if value is None:
                    environment.delenv(variable, raising=False)
                else:
                    environment.setenv(variable, str(value))
            load(SETTINGS[subcommand], {})  # raises on a value that is none


def test_the_services_reach_the_broker_inside_and_the_host_outside(
    services: dict[str, Service],
) -> None:
    kafka = services["kafka"]
    listeners = re.findall(
        r"(\w+)://([\w.]+:\d+)", kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )
    advertised = dict(listeners)
    assert advertised["HOST"] == ConnectionSettings.model_fields["bootstrap_servers"].default
    for service in own(services):
        assert service["environment"]["BEARING_STREAM_BOOTSTRAP_SERVERS"] == advertised["INSIDE"]
    for text in (kafka["healthcheck"]["test"], services["topics"]["command"][-1]):
        assert f"--bootstrap-server {advertised['INSIDE']} " in text
    port = advertised["HOST"].rpartition(":")[2]
    assert kafka["ports"] == [f"127.0.0.1:{port}:{port}"], "the broker has no login"


def test_one_broker_replicates_nothing(services: dict[str, Service]) -> None:
    environment = services["kafka"]["environment"]
    for name, value in replication_properties(1).items():
        assert str(environment["KAFKA_" + name.upper().replace(".", "_")]) == value


def test_the_topics_that_are_created_are_those_of_the_commands(
    services: dict[str, Service],
) -> None:
    topics = created_topics(services)
    names = {field.default for name, field in TopicSettings.model_fields.items() if "topic" in name}
    assert set(topics) == names
    for options in topics.values():
        assert options["--replication-factor"] == "1"
        assert options["--partitions"] == str(SimulatorSettings.model_fields["partitions"].default)


def test_a_dead_letter_of_the_largest_window_fits(services: dict[str, Service]) -> None:
    topics = created_topics(services)
    limits = {
        topic: int(options.get("--config", f"={KAFKA_DEFAULT_MESSAGE_BYTES}").partition("=")[2])
        for topic, options in topics.items()
    }
    assert limits["bearing.dead-letters"] >= limits["bearing.windows"] + 64 * 1024


def test_the_image_of_kafka_is_of_the_version_in_the_lock(services: dict[str, Service]) -> None:
    images = {service["image"] for service in services.values() if "kafka" in service["image"]}
    assert images == {f"apache/kafka:{kafka_version(read_lock())}"}


def test_what_watches_is_started_on_request_and_finds_the_consumer(
    services: dict[str, Service],
) -> None:
    watching = {name: one for name, one in services.items() if one.get("profiles") == ["watch"]}
    assert set(watching) == {"prometheus", "grafana"}
    for service in watching.values():
        # Neither asks for a password to read.
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        folders = [volume.split(":")[0] for volume in service["volumes"]]
        assert all((ROOT / name).is_dir() for name in folders if name.startswith("./"))
    deploy = ROOT / "deploy"
    scraped = yaml.safe_load((deploy / "prometheus" / "prometheus.yml").read_text())
    targets = [job["dns_sd_configs"][0] for job in scraped["scrape_configs"]]
    assert [target["names"] for target in targets] == [["consumer"], ["alarms"], ["notify"]]
    for target in targets:
        environment = services[target["names"][0]]["environment"]
        assert target["port"] == environment["BEARING_STREAM_METRICS_PORT"]
        assert environment["BEARING_STREAM_METRICS_HOST"] == "0.0.0.0"
    assert "metrics" in dict(stages()[0])["ARG"].split("=")[1].split(",")
    home = watching["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (deploy / "grafana" / home.rpartition("/")[2]).is_file()
    provisioning = deploy / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    port = watching["prometheus"]["ports"][0].rpartition(":")[2]
    assert source["url"] == f"http://prometheus:{port}"


def test_alarms_and_their_notifier_are_started_on_request(services: dict[str, Service]) -> None:
    assert services["alarms"]["profiles"] == ["alarms"]
    assert services["notify"]["profiles"] == ["notify"]
    assert services["alarms"]["environment"]["BEARING_STREAM_CREATE_TOPICS"] == "true"
    [receivers] = services["notify"]["volumes"]
    example, target, mode = receivers.split(":")
    assert (ROOT / example).is_file()
    assert target == services["notify"]["environment"]["BEARING_STREAM_RECEIVERS"]
    assert mode == "ro"


def test_every_service_has_limits(services: dict[str, Service]) -> None:
    units = {"m": 1024**2, "g": 1024**3}
    limits = {
        name: int(service["mem_limit"][:-1]) * units[service["mem_limit"][-1]]
        for name, service in services.items()
    }
    assert limits["consumer"] > 1.5 * CONSUMER_BYTES
    assert all(service["cpus"] > 0 for service in services.values())


def test_there_is_time_to_finish_what_is_in_flight(services: dict[str, Service]) -> None:
    for name in ("consumer", "alarms", "notify"):
        grace = float(services[name]["stop_grace_period"].removesuffix("s"))
        assert grace > max(SHUTDOWN_LIMIT, STOP_LIMIT)
    assert ("STOPSIGNAL", "SIGTERM") in stages()[-1]


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_windows_are_diagnosed() -> None:
    """Start everything with Docker, and find diagnoses of the simulator's windows."""
    compose = ["docker", "compose", "--project-name", "bearing-stream-test"]
    if (
        not docker_responds()
        or subprocess.run([*compose, "version"], capture_output=True).returncode
    ):
        pytest.skip("there is no Docker engine with Compose")
    try:
        subprocess.run([*compose, "up", "--build", "--detach"], cwd=ROOT, check=True)
        watch = ["watch", "--bootstrap-servers", "kafka:19092", "--from-beginning", "--json"]
        run = [*compose, "run", "--rm", "--no-TTY", "consumer", *watch, "--limit", "10"]
        ran = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True)
        assert len(ran.stdout.splitlines()) == 10
    finally:
        subprocess.run([*compose, "down", "--volumes", "--timeout", "20"], cwd=ROOT, check=True)


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions: name and arguments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage of the Dockerfile."""
    found: list[list[tuple[str, str]]] = [[]]
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found[1:]


def build_context() -> list[str]:
    """Return what .dockerignore lets into the build."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines, "everything is left out except what is named"
    return [line[1:] for line in lines if line.startswith("!")]


def test_every_package_and_nothing_else_is_in_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {
        path.parent.name
        for path in ROOT.glob("*/__init__.py")
        if any(fnmatch(path.parent.name, pattern) for pattern in include)
    }
    context = build_context()
    assert {name for name in context if (ROOT / name).is_dir()} == packages
    assert len(packages) == len(include), "a pattern names no package"
    assert {"LICENSE", project["project"]["readme"], "pyproject.toml"} <= set(context)
    assert [name for name in context if not (ROOT / name).exists()] == []


def test_the_dockerfile_copies_what_is_there() -> None:
    context = build_context()
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            *sources, _ = arguments.split()
            assert [each for each in sources if each not in (".", *context)] == []


def test_build_arguments_are_declared(services: dict[str, Service]) -> None:
    declared = {rest.partition("=")[0] for name, rest in instructions() if name == "ARG"}
    for service in own(services):
        assert set(service["build"]["args"]) <= declared


def test_the_image_has_two_stages_and_runs_our_command_without_root() -> None:
    build, final = stages()
    assert build[0][1].endswith(" AS build")
    last: dict[str, Any] = dict(final)
    user = last["USER"].split(":")[0]
    assert user not in ("root", "0")
    assert f"--uid {user} " in last["RUN"]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "scripts"
    ]
    (command,) = yaml.safe_load(last["ENTRYPOINT"])
    assert command in scripts
