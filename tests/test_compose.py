"""docker-compose.yml, Dockerfile and .dockerignore agree with one another and with the code.

This takes no Docker engine: it reads the files as Compose would and holds every name, path, option
and port against what the code says.
"""

import re
import shlex
import tomllib
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final, Literal

import click
import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from bearing_stream.cli import main
from bearing_stream.config import ENVIRONMENT_PREFIX, Settings, load
from bearing_stream.kafka import ConnectionSettings, TopicSettings
from bearing_stream.local_kafka.configuration import (
    Broker,
    Security,
    broker_properties,
    replication_properties,
)
from consumer.liveness.shutdown import SHUTDOWN_LIMIT
from consumer.settings import ConsumerSettings
from producer_sim.settings import SimulatorSettings
from tests.paths import ROOT

SETTINGS: Final[dict[str, type[Settings]]] = {
    "consume": ConsumerSettings,
    "simulate": SimulatorSettings,
}

BROKER_PROPERTIES: Final = {
    *broker_properties(Broker(1, 9092, 9093, 9094, Path("/")), (), Security()),
    "advertised.listeners",
    "auto.create.topics.enable",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Build(_Strict):
    context: str
    args: dict[str, str | None]


class _Dependency(_Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class _Healthcheck(_Strict):
    test: str
    interval: str
    timeout: str
    retries: int
    start_period: str


class _Service(_Strict):
    image: str
    build: _Build | None = None
    command: list[str] = []
    environment: dict[str, str | int | None] = {}
    ports: list[str] = []
    volumes: list[str] = []
    depends_on: dict[str, _Dependency] = {}
    healthcheck: _Healthcheck | None = None
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    init: bool = False
    stop_grace_period: str = "10s"


class _Compose(_Strict):
    """What of the Compose specification this project uses; any other key is a mistake."""

    name: str
    services: dict[str, _Service]
    volumes: dict[str, None]


def _interpolated(text: str) -> str:
    """Text as Compose reads it with nothing set in the environment."""
    return re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


@pytest.fixture(scope="module")
def compose() -> _Compose:
    parsed = yaml.safe_load(_interpolated((ROOT / "docker-compose.yml").read_text()))
    ours = {key: value for key, value in parsed.items() if not key.startswith("x-")}
    return _Compose.model_validate(ours)


@pytest.fixture(scope="module")
def kafka(compose: _Compose) -> dict[str, str]:
    return {name: str(value) for name, value in compose.services["kafka"].environment.items()}


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: name and arguments."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def _stages() -> list[list[tuple[str, str]]]:
    stages: list[list[tuple[str, str]]] = [[]]
    for instruction in _instructions():
        if instruction[0] == "FROM":
            stages.append([])
        stages[-1].append(instruction)
    return stages[1:]


def _context() -> list[str]:
    """What .dockerignore lets into the build."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything is left out but what is named"
    return [line[1:] for line in lines if line.startswith("!")]


def _listeners(text: str) -> dict[str, tuple[str, int]]:
    """`NAME://host:port,…` by name."""
    found = [re.fullmatch(r"(\w+)://([\w.]*):(\d+)", item) for item in text.split(",")]
    return {match[1]: (match[2], int(match[3])) for match in found if match}


def _own(compose: _Compose) -> dict[str, _Service]:
    return {name: service for name, service in compose.services.items() if service.build}


def test_commands_exist_with_their_options_and_settings(
    compose: _Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {service.command[0] for service in _own(compose).values()} == set(SETTINGS)
    for service in _own(compose).values():
        subcommand, *arguments = service.command
        command = main.get_command(click.Context(main), subcommand)
        assert command is not None
        command.make_context(subcommand, arguments)  # raises on an option that is none
        names = set(SETTINGS[subcommand].model_fields)
        with monkeypatch.context() as environment:
            for variable, value in service.environment.items():
                assert variable.startswith(ENVIRONMENT_PREFIX)
                assert variable.removeprefix(ENVIRONMENT_PREFIX).lower() in names, variable
                if value is None:
                    environment.delenv(variable, raising=False)
                else:
                    environment.setenv(variable, str(value))
            load(SETTINGS[subcommand], {})  # raises on a value that is none


def test_the_services_reach_the_broker_inside_and_the_host_outside(
    compose: _Compose, kafka: dict[str, str]
) -> None:
    listening = _listeners(kafka["KAFKA_LISTENERS"])
    advertised = _listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])
    inside = kafka["KAFKA_INTER_BROKER_LISTENER_NAME"]
    assert set(advertised) == set(listening) - {kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert all(port == listening[name][1] for name, (_, port) in advertised.items())
    host, port = advertised[inside]
    assert host in compose.services
    for service in _own(compose).values():
        servers = service.environment[ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS"]
        assert servers == f"{host}:{port}"
    (outside,) = (address for name, address in advertised.items() if name != inside)
    default = ConnectionSettings.model_fields["bootstrap_servers"].default
    assert f"{outside[0]}:{outside[1]}" == default
    assert compose.services[host].ports == [f"127.0.0.1:{outside[1]}:{outside[1]}"]


def test_the_broker_is_its_own_controller(compose: _Compose, kafka: dict[str, str]) -> None:
    listening = _listeners(kafka["KAFKA_LISTENERS"])
    controller = kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]
    voter = f"{kafka['KAFKA_NODE_ID']}@kafka:{listening[controller][1]}"
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voter
    assert set(kafka["KAFKA_PROCESS_ROLES"].split(",")) == {"broker", "controller"}
    protocols = dict(
        item.split(":") for item in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert set(protocols) == set(listening)
    assert len({port for _, port in listening.values()}) == len(listening)
    volumes = dict(volume.split(":")[:2] for volume in compose.services["kafka"].volumes)
    assert kafka["KAFKA_LOG_DIRS"] in volumes.values()


def test_broker_properties_have_names_that_kafka_knows(kafka: dict[str, str]) -> None:
    named = {
        name.removeprefix("KAFKA_").lower().replace("_", ".")
        for name in kafka
        if name.startswith("KAFKA_")
    }
    assert named <= BROKER_PROPERTIES
    for name, value in replication_properties(1).items():
        assert kafka["KAFKA_" + name.upper().replace(".", "_")] == value


def test_the_topics_that_are_made_are_those_of_the_commands(compose: _Compose) -> None:
    script = compose.services["topics"].command[-1]
    made = re.search(r"for topic in (.+); do", script)
    assert made is not None
    names = {field.default for name, field in TopicSettings.model_fields.items() if "topic" in name}
    assert set(made[1].split()) == names
    words = shlex.split(script.partition("do\n")[2].partition("done")[0])
    options = {word for word in words if word.startswith("--")}
    assert {"--create", "--if-not-exists"} < options
    assert words[words.index("--replication-factor") + 1] == "1"
    partitions = SimulatorSettings.model_fields["partitions"].default
    assert words[words.index("--partitions") + 1] == str(partitions)
    assert words[words.index("--topic") + 1] == "$topic"


def test_everything_that_speaks_to_kafka_uses_the_inside_address(
    compose: _Compose, kafka: dict[str, str]
) -> None:
    host, port = _listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])["INSIDE"]
    healthcheck = compose.services["kafka"].healthcheck
    assert healthcheck is not None
    for text in (healthcheck.test, compose.services["topics"].command[-1]):
        assert f"--bootstrap-server {host}:{port} " in text


def test_each_service_waits_for_what_it_needs(compose: _Compose) -> None:
    services = compose.services
    graph = {name: set(service.depends_on) for name, service in services.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises on a circle
    assert set(order) == set(services), "a service waits for one that is not there"
    for service in services.values():
        for name, dependency in service.depends_on.items():
            if dependency.condition == "service_healthy":
                assert services[name].healthcheck is not None
            if dependency.condition == "service_completed_successfully":
                # One that is always restarted never completes.
                assert services[name].restart in ("no", "on-failure")
    assert services["topics"].depends_on["kafka"].condition == "service_healthy"
    for service in _own(compose).values():
        assert service.depends_on["topics"].condition == "service_completed_successfully"


def test_images_are_pinned_and_volumes_named(compose: _Compose) -> None:
    images = {service.image for service in compose.services.values() if not service.build}
    assert len(images) == 1, "broker and topic creation come from one image"
    assert re.fullmatch(r"apache/kafka:4\.\d+\.\d+", images.pop())
    used = {volume.split(":")[0] for each in compose.services.values() for volume in each.volumes}
    assert used == set(compose.volumes)


def test_there_is_time_to_finish_what_is_in_flight(compose: _Compose) -> None:
    grace = float(compose.services["consumer"].stop_grace_period.removesuffix("s"))
    assert grace > SHUTDOWN_LIMIT
    assert ("STOPSIGNAL", "SIGTERM") in _stages()[-1]


def test_every_package_and_nothing_else_is_in_the_build(compose: _Compose) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {
        path.parent.name
        for path in ROOT.glob("*/__init__.py")
        if any(fnmatch(path.parent.name, pattern) for pattern in include)
    }
    context = _context()
    folders = {name for name in context if (ROOT / name).is_dir()}
    assert folders == packages
    assert len(packages) == len(include), "a pattern names no package"
    assert {"LICENSE", project["project"]["readme"], "pyproject.toml"} <= set(context)
    for name in context:
        assert (ROOT / name).exists(), name
    for service in _own(compose).values():
        assert service.build is not None
        assert (ROOT / service.build.context / "Dockerfile").exists()


def test_the_dockerfile_copies_what_is_there() -> None:
    context = _context()
    for name, arguments in _instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            *sources, _ = arguments.split()
            for source in sources:
                assert source == "." or source in context, source


def test_build_arguments_are_declared(compose: _Compose) -> None:
    declared = {rest.partition("=")[0] for name, rest in _instructions() if name == "ARG"}
    for service in _own(compose).values():
        assert service.build is not None
        assert set(service.build.args) <= declared


def test_the_image_is_of_two_stages_and_runs_our_command_without_root() -> None:
    build, final = _stages()
    assert build[0][1].endswith(" AS build")
    last: dict[str, Any] = dict(final)
    user = last["USER"]
    assert user.split(":")[0] not in ("root", "0")
    assert f"--uid {user.split(':')[0]} " in last["RUN"]
    assert [name for name, _ in final].index("USER") > [name for name, _ in final].index("COPY")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    (command,) = yaml.safe_load(last["ENTRYPOINT"])
    assert command in scripts
