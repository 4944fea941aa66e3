"""Where a setting's value comes from, how a wrong one is reported, and that secrets stay secret."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import Field, ValidationError, field_validator

from bearing_stream.config import Settings, from_command_line, load, markdown_table, options
from bearing_stream.kafka import ConnectionSettings

SECRET = "hunter2"


class Press(ConnectionSettings):
    """Settings of an example command: one field of each kind."""

    strokes: int = Field(default=8, ge=1)
    """Strokes a minute, `slow | fast`
    or anything between."""

    oil: bool = False
    """Whether to oil it."""

    mode: Literal["single", "series"] = "single"
    """How to press."""

    force: float | None = None
    """Kilonewtons."""

    report: Path | None = None
    """Where to write."""

    @field_validator("force")
    @classmethod
    def _even(cls, force: float | None) -> float | None:
        if force is not None and force % 2 == 1:
            raise ValueError("the press does not like odd forces")
        return force


class Needy(Settings):
    """Settings with a required field."""

    line: str
    """Name of the line."""


def run(
    arguments: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    settings_class: type[Settings] = Press,
) -> tuple[Settings | None, Result]:
    """The settings of a command, and its output."""
    got: list[Settings] = []

    @click.command()
    @options(settings_class)
    def command(**given: Any) -> None:
        got.append(from_command_line(settings_class, given))

    result = CliRunner().invoke(command, list(arguments), env=environment or {})
    return (got[0] if got else None), result


def press(arguments: Sequence[str] = (), environment: dict[str, str] | None = None) -> Press:
    settings, result = run(arguments, environment)
    assert isinstance(settings, Press), result.output
    return settings


def refusal(arguments: Sequence[str] = (), environment: dict[str, str] | None = None) -> str:
    """The error lines of a command line that must be refused."""
    settings, result = run(arguments, environment)
    assert settings is None
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    return result.output.partition("Error: ")[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "press.toml"
    path.write_text('strokes = 2\nmode = "series"\n[kafka]\n"client.id" = "a"\n"linger.ms" = 5\n')
    return path


def test_with_nothing_given_all_settings_are_defaults() -> None:
    assert press().model_dump() == {
        "bootstrap_servers": "localhost:9092",
        "kafka": {},
        "startup_timeout": 60.0,
        "strokes": 8,
        "oil": False,
        "mode": "single",
        "force": None,
        "report": None,
    }


def test_command_line_over_environment_over_file_over_default(file: Path) -> None:
    config = ["--config", str(file)]
    environment = {"BEARING_STREAM_STROKES": "3"}
    assert press().strokes == 8
    assert press(config).strokes == 2
    assert press(config, environment).strokes == 3
    assert press([*config, "--strokes", "4"], environment).strokes == 4


def test_client_properties_are_merged_in_the_same_order(file: Path) -> None:
    settings = press(
        ["--config", str(file), "--kafka", "a=1", "--kafka", "b=x=y"],
        {"BEARING_STREAM_KAFKA": '{"a": "0", "client.id": "b"}'},
    )
    assert settings.kafka == {"a": "1", "b": "x=y", "client.id": "b", "linger.ms": "5"}
    shared = press().client_properties()
    assert shared["bootstrap.servers"] == "localhost:9092"
    found = settings.client_properties(client_id="own", group_id="g")
    assert found == {**shared, "group.id": "g", **settings.kafka}


def test_a_limit_of_a_connection_can_be_set() -> None:
    limit = {"socket.timeout.ms": "3000"}
    found = press(["--kafka", "socket.timeout.ms=3000"]).client_properties()
    assert found == press().client_properties() | limit


def test_every_kind_of_field_can_be_given_on_the_command_line_and_in_the_environment() -> None:
    given = ["--strokes", "4", "--oil", "--mode", "series", "--force", "1.5", "--report", "r.txt"]
    environment = {
        "BEARING_STREAM_STROKES": "4",
        "BEARING_STREAM_OIL": "true",
        "BEARING_STREAM_MODE": "series",
        "BEARING_STREAM_FORCE": "1.5",
        "BEARING_STREAM_REPORT": "r.txt",
    }
    assert press(given).model_dump() == press((), environment).model_dump()
    assert press(given).report == Path("r.txt")
    assert press(["--no-oil"], environment).oil is False


def test_the_file_can_be_named_in_the_environment(file: Path) -> None:
    assert press((), {"BEARING_STREAM_CONFIG": str(file)}).strokes == 2


def test_an_empty_environment_variable_is_no_value() -> None:
    assert press((), {"BEARING_STREAM_STROKES": ""}).strokes == 8


def test_an_unknown_key_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "press.toml"
    file.write_text("stroke = 2\n")
    output = refusal(["--config", str(file)])
    assert f"{file}: 'stroke' is no setting of this command; did you mean 'strokes'?" in output
    assert "strokes, oil, mode, force" not in output, "what is meant is clear"


def test_the_settings_are_listed_where_none_is_near(tmp_path: Path) -> None:
    file = tmp_path / "press.toml"
    file.write_text("xyz = 2\n")
    output = refusal(["--config", str(file)])
    assert "strokes, oil, mode, force" in output
    assert output.endswith(" Its other options are for the command line only.\n")


def test_a_wrong_value_of_the_file_is_one_line_with_the_file_and_the_value(tmp_path: Path) -> None:
    file = tmp_path / "press.toml"
    file.write_text('strokes = "many"\n')
    output = refusal(["--config", str(file)])
    assert output.startswith(f"{file}: strokes: Input should be a valid integer")
    assert output.endswith("; got 'many'\n")
    # What overrides the file is to blame where it does.
    given = ["--config", str(file), "--strokes", "0"]
    assert refusal(given).startswith("--strokes (BEARING_STREAM_STROKES): ")
    environment = {"BEARING_STREAM_STROKES": "0"}
    assert refusal(given[:2], environment).startswith("--strokes (BEARING_STREAM_STROKES): ")


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["--strokes", "0"], {}, "--strokes (BEARING_STREAM_STROKES): Input should be greater"),
        ([], {"BEARING_STREAM_STROKES": "x"}, "--strokes (BEARING_STREAM_STROKES): Input should"),
        ([], {"BEARING_STREAM_MODE": "x"}, "'single' or 'series'"),
        (["--bootstrap-servers", ""], {}, "--bootstrap-servers (BEARING_STREAM_BOOTSTRAP_SERVERS)"),
        ([], {"BEARING_STREAM_KAFKA": '{"a": [1]}'}, "--kafka (BEARING_STREAM_KAFKA): a: Input"),
        ([], {"BEARING_STREAM_KAFKA": "[1]"}, "--kafka (BEARING_STREAM_KAFKA): Input should"),
    ],
)
def test_a_wrong_value_is_one_line_with_option_and_variable(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    output = refusal(arguments, environment)
    assert expected in output
    assert output.count("\n") == 1


def test_the_message_of_a_validator_has_no_prefix() -> None:
    assert refusal(["--force", "3"]) == (
        "--force (BEARING_STREAM_FORCE): the press does not like odd forces\n"
    )


@pytest.mark.parametrize("variable", ["BEARING_STREAM_STORKES", "bearing_stream_stroke"])
def test_a_misspelt_variable_is_reported_and_has_no_other_effect(variable: str) -> None:
    settings, result = run((), {variable: "3"})
    assert isinstance(settings, Press)
    assert settings.strokes == 8
    assert result.stderr == (
        f"Warning: {variable} is no setting of this command; did you mean BEARING_STREAM_STROKES?\n"
    )


@pytest.mark.parametrize(
    "variable", ["BEARING_STREAM_STROKES", "BEARING_STREAM_BATCH_SIZE", "STORKES"]
)
def test_a_variable_that_is_a_setting_or_unlike_any_is_not_mentioned(variable: str) -> None:
    _, result = run((), {variable: "3"})
    assert result.stderr == ""


def test_each_wrong_value_has_its_line() -> None:
    lines = refusal(["--strokes", "0", "--force", "much"]).splitlines()
    assert [line.split()[0] for line in lines] == ["--strokes", "--force"]


def test_a_required_setting_that_is_missing_is_named() -> None:
    settings, result = run(settings_class=Needy)
    assert settings is None
    assert "--line (BEARING_STREAM_LINE): Field required" in result.output


@pytest.mark.parametrize("content", [b"strokes = ", b"\xff\xfe", b'kafka = "'])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "press.toml"
    file.write_bytes(content)
    assert f"{file} is not a TOML file" in refusal(["--config", str(file)])


def test_help_states_option_variable_default_and_meaning() -> None:
    _, result = run(["--help"])
    output = " ".join(result.output.split())
    assert "--strokes VALUE Strokes a minute" in output
    assert "[BEARING_STREAM_STROKES, default 8]" in output
    assert "--mode [single|series]" in output
    assert "--oil / --no-oil" in output
    assert "--kafka NAME=VALUE" in output


SECRETS = [
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_reaches_the_client_but_no_printout(name: str) -> None:
    settings = press(["--kafka", f"{name}={SECRET}", "--kafka", "sasl.username=ann"])
    assert settings.client_properties()[name] == SECRET
    for shown in (repr(settings), str(settings), f"{settings}", str(settings.printable())):
        assert SECRET not in shown
        assert "ann" in shown


@pytest.mark.parametrize(
    "value",
    [
        f"sasl.password={SECRET}",
        f'{{"sasl.password": "{SECRET}"',
        f'["{SECRET}"]',
        f'"{SECRET}"',
        f'{{"sasl.password": ["{SECRET}"]}}',
    ],
)
def test_an_environment_value_that_cannot_be_read_is_not_repeated(value: str) -> None:
    output = refusal((), {"BEARING_STREAM_KAFKA": value})
    assert "BEARING_STREAM_KAFKA" in output
    assert SECRET not in output


@pytest.mark.parametrize("argument", [SECRET, f"sasl.password {SECRET}", f"={SECRET}"])
def test_a_mistyped_property_is_not_repeated(argument: str) -> None:
    output = refusal(["--kafka", argument])
    assert "--kafka takes NAME=VALUE" in output
    assert SECRET not in output


@pytest.mark.parametrize("content", [f'kafka = "{SECRET}"', f'[kafka]\n"a" = ["{SECRET}"]'])
def test_a_wrong_value_in_the_file_is_not_repeated(tmp_path: Path, content: str) -> None:
    file = tmp_path / "press.toml"
    file.write_text(content)
    assert SECRET not in refusal(["--config", str(file)])


def test_a_secret_is_in_no_traceback() -> None:
    with pytest.raises(ValidationError) as caught:
        load(Press, {"kafka": {"sasl.password": [SECRET]}, "bootstrap_servers": 5})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_settings_are_frozen() -> None:
    settings = press()
    with pytest.raises(ValidationError):
        settings.strokes = 9  # type: ignore[misc]


def test_the_table_has_a_row_for_each_setting() -> None:
    head, rule, *rows = markdown_table(Press).splitlines()
    assert (head, rule) == ("| setting | environment | default | meaning |", "|---|---|---|---|")
    assert len(rows) == len(Press.model_fields)
    assert (
        "| `--strokes` | `BEARING_STREAM_STROKES` | `8` "
        "| Strokes a minute, `slow \\| fast` or anything between. |"
    ) in rows
    assert "| `--force` | `BEARING_STREAM_FORCE` |  | Kilonewtons. |" in rows
    assert markdown_table(Needy).splitlines()[2] == (
        "| `--line` | `BEARING_STREAM_LINE` | required | Name of the line. |"
    )
