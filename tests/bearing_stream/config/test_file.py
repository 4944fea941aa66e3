"""One settings file for all commands: shared keys, sections, and what is refused."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import Field

from bearing_stream.cli import COMMANDS, main
from bearing_stream.config import (
    SECTIONS,
    SHARED_KEYS,
    Settings,
    from_command_line,
    options,
    setting_names,
)
from bearing_stream.kafka import ConnectionSettings

SECRET = "hunter2"


class Consume(ConnectionSettings):
    """Settings of a command with a connection."""

    batch_size: int = 1
    """Shared with others."""

    max_delay: float = 0.1
    """Of this command only."""


class Serve(Settings):
    """Settings of a command without a connection."""

    batch_size: int = 1
    """Shared with others."""


class Listed(ConnectionSettings):
    """Settings of one subcommand."""

    limit: int = Field(default=1)
    """Shared with others."""


class Redriven(ConnectionSettings):
    """Settings of another subcommand of the same command."""

    max_redrives: int = 3
    """Of this subcommand only."""


GOT: list[Settings] = []


def tree() -> click.Group:
    """A command line with the names of the real one."""
    root, letters = click.Group("main"), click.Group("dead-letters")
    root.add_command(letters)
    for group, name, settings_class in (
        (root, "consume", Consume),
        (root, "serve", Serve),
        (letters, "list", Listed),
        (letters, "redrive", Redriven),
    ):
        group.add_command(_command(name, settings_class))
    return root


def _command(name: str, settings_class: type[Settings]) -> click.Command:
    def run(**given: Any) -> None:
        GOT.append(from_command_line(settings_class, given))

    return click.command(name)(options(settings_class)(run))


def run(text: str, folder: Path, *arguments: str) -> Result:
    file = folder / "all.toml"
    file.write_text(text)
    return CliRunner().invoke(tree(), [*arguments, "--config", str(file)])


def read(text: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """The settings that a command reads from a file."""
    result = run(text, folder, *arguments)
    assert result.exit_code == 0, result.output
    return GOT[-1].model_dump()


def refusal(text: str, folder: Path, *arguments: str) -> str:
    result = run(text, folder, *arguments)
    assert result.exit_code == 2
    return result.output.partition("Error: ")[2].replace(str(folder), "…")


ALL = """
bootstrap_servers = "kafka-1:9093"
batch_size = 16
[kafka]
"client.id" = "a"
"linger.ms" = 5
[consume]
batch_size = 32
kafka = { "linger.ms" = "20" }
[simulate]
anything = "is checked when simulate runs"
[dead-letters]
max_redrives = 5
limit = 7
"""


def test_a_command_reads_the_shared_keys_and_its_own_section(tmp_path: Path) -> None:
    assert read(ALL, tmp_path, "consume") == {
        "bootstrap_servers": "kafka-1:9093",
        "kafka": {"client.id": "a", "linger.ms": "20"},
        "startup_timeout": 60.0,
        "batch_size": 32,
        "max_delay": 0.1,
    }


def test_a_command_skips_shared_keys_that_it_does_not_have(tmp_path: Path) -> None:
    assert read(ALL, tmp_path, "serve") == {"batch_size": 16}


@pytest.mark.parametrize(
    ("subcommand", "name", "value"), [("list", "limit", 7), ("redrive", "max_redrives", 5)]
)
def test_subcommands_share_the_section_of_their_command(
    subcommand: str, name: str, value: int, tmp_path: Path
) -> None:
    settings = read(ALL, tmp_path, "dead-letters", subcommand)
    assert settings[name] == value
    assert settings["bootstrap_servers"] == "kafka-1:9093"


def test_a_flat_file_with_the_settings_of_one_command_works(tmp_path: Path) -> None:
    assert read("max_delay = 0.5\nbatch_size = 2\n", tmp_path, "consume")["max_delay"] == 0.5


def test_environment_and_command_line_override_a_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEARING_STREAM_BATCH_SIZE", "64")
    monkeypatch.setenv("BEARING_STREAM_KAFKA", '{"linger.ms": "40"}')
    settings = read(ALL, tmp_path, "consume")
    assert settings["batch_size"] == 64
    assert settings["kafka"] == {"client.id": "a", "linger.ms": "40"}
    assert read(ALL, tmp_path, "consume", "--batch-size", "128")["batch_size"] == 128


@pytest.mark.parametrize(
    ("text", "command", "expected"),
    [
        ("bootstrap_server = 'a'", "consume", "'bootstrap_server' is no setting of this command; "),
        ("bootstrap_server = 'a'", "serve", "did you mean 'bootstrap_servers'?"),
        ("workers = 1", "serve", "'workers' is no setting of this command"),
        ("workers = 1", "serve", "a setting of another command belongs in that command's"),
        ("[consume]\nmax_dely = 1", "consume", "[consume]: 'max_dely' is no setting of this comm"),
        ("[consume]\nmax_dely = 1", "consume", "did you mean 'max_delay'?"),
        ("[serve]\nbootstrap_servers = 'a'", "serve", "[serve]: 'bootstrap_servers' is no sett"),
        ("[comsume]\nmax_delay = 1", "consume", "no command has a section [comsume]; "),
        ("[comsume]\nmax_delay = 1", "serve", "did you mean [consume]?"),
        ("[kafak]\n'client.id' = 'a'", "consume", "did you mean [kafka]?"),
        ("kafka.security.protocol = 'SSL'", "consume", 'did you mean "security.protocol", quo'),
        ("[consume.kafka]\nssl.ca.location = 'x'", "consume", 'mean "ssl.ca.location", quoted'),
        ("consume = 3", "consume", "'consume' must be a section, [consume]"),
    ],
)
def test_what_no_command_reads_is_refused_with_the_nearest_name(
    text: str, command: str, expected: str, tmp_path: Path
) -> None:
    message = refusal(text, tmp_path, command)
    assert message.startswith("…/all.toml: ")
    assert expected in message


def test_every_unknown_key_has_its_line(tmp_path: Path) -> None:
    lines = refusal("abc = 1\ndef = 2\n[consume]\nghi = 3", tmp_path, "consume").splitlines()
    assert ["abc" in lines[0], "def" in lines[1], "ghi" in lines[2]] == [True] * 3


@pytest.mark.parametrize(
    "text", [f"pasword = '{SECRET}'", f"[kafak]\n'sasl.password' = '{SECRET}'", f"kafka = {SECRET}"]
)
def test_a_refusal_repeats_no_value(text: str, tmp_path: Path) -> None:
    assert SECRET not in refusal(text, tmp_path, "consume")


def _settings_by_command(names: Sequence[str]) -> dict[str, set[str]]:
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in names}
    return {name: setting_names(command) for name, command in found.items() if command is not None}


def test_the_sections_and_the_shared_keys_are_those_of_the_commands() -> None:
    names = {name: keys for name, keys in _settings_by_command(list(COMMANDS)).items() if keys}
    assert set(names) == set(SECTIONS)
    users = Counter(key for keys in names.values() for key in keys)
    assert {key for key, times in users.items() if times > 1} == SHARED_KEYS
    assert not SHARED_KEYS & set(SECTIONS), "a key on top must not have the name of a section"
