"""Command-line options made from the fields of a settings class."""

import os
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from bearing_stream.config.base import ENVIRONMENT_PREFIX, SECRET_NAME, S, Settings, load
from bearing_stream.config.file import SECTIONS, SettingsFileError

F = TypeVar("F", bound=Callable[..., Any])

SIMILARITY: Final = 0.8
"""Ratio of difflib above which a variable is taken for a misspelt setting: two of five letters
swapped. Higher than for a file, since a variable may belong to another program."""


class SettingOption(click.Option):
    """A command-line option that `options` made from a field."""


def setting_names(command: click.Command) -> set[str]:
    """The settings of a command and of all its subcommands, by field name."""
    return {
        option.name
        for each in _with_subcommands(command)
        for option in each.params
        if isinstance(option, SettingOption) and option.name is not None
    }


def _with_subcommands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            yield from _with_subcommands(subcommand)


def options(settings_class: type[Settings]) -> Callable[[F], F]:
    """Give a click command an option for each field, and `--config FILE`.

    An option not given on the command line arrives as None, and `from_command_line` leaves it to
    the environment, the file or the default.
    """

    def decorate(command: F) -> F:
        """Add the options in the order of the fields, which click shows."""
        for name, field in reversed(settings_class.model_fields.items()):
            command = _option(name, field)(command)
        return click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            envvar=ENVIRONMENT_PREFIX + "CONFIG",
            show_envvar=True,
            help="TOML file with settings by name; a section for each command.",
        )(command)

    return decorate


def from_command_line(settings_class: type[S], given: Mapping[str, Any]) -> S:
    """The settings, from what click passed to a command decorated with `options`.

    Of the settings file it reads the top level and the section named like the running command. It
    prints a warning on stderr for each environment variable that seems to be a misspelt setting.

    Raises:
        click.UsageError: A setting is wrong; names its option, its environment variable and what
            was expected, and the file where its value is there. Client properties are not repeated,
            since one of them may be a secret.
    """
    for line in _misspelt(settings_class):
        click.echo(line, err=True)
    values = {name: value for name, value in given.items() if value is not None}
    file = values.pop("config", None)
    for name, value in values.items():
        if isinstance(value, tuple) and _kind(settings_class.model_fields[name]) is dict:
            values[name] = dict(_key_and_value(name, item) for item in value)
    values = {name: value for name, value in values.items() if value not in ({}, ())}
    section, siblings = _section()
    try:
        return load(settings_class, values, file, section, siblings)
    except ValidationError as error:
        lines = _explained(settings_class, error, {*values}, file)
        raise click.UsageError("\n".join(lines)) from error
    except SettingsFileError as error:
        raise click.UsageError(str(error)) from error
    except SettingsError as error:
        unread = [name for name in settings_class.model_fields if f'"{name}"' in str(error)]
        variables = ", ".join(ENVIRONMENT_PREFIX + name.upper() for name in unread)
        raise click.UsageError(
            f'{variables}: expected a JSON object such as {{"client.id": "press-7"}}; '
            "the value is not JSON"
        ) from error


def _section() -> tuple[str | None, set[str]]:
    """The section of the running command, and the settings of all its subcommands.

    `dead-letters redrive` reads the section `[dead-letters]`.
    """
    context = click.get_current_context(silent=True)
    while context is not None and context.info_name not in SECTIONS:
        context = context.parent
    return (None, set()) if context is None else (context.info_name, setting_names(context.command))


def option_name(name: str) -> str:
    """`batch_size` → `--batch-size`."""
    return "--" + name.replace("_", "-")


def _option(name: str, field: FieldInfo) -> Callable[[F], F]:
    annotation = _without_none(field.annotation)
    parameters: dict[str, Any] = {"default": None, "help": _help(name, field)}
    declaration = option_name(name)
    if annotation is bool:
        declaration += "/--no-" + name.replace("_", "-")
    elif get_origin(annotation) is Literal:
        parameters["type"] = click.Choice([str(choice) for choice in get_args(annotation)])
    elif _kind(field) is dict:
        parameters |= {"multiple": True, "metavar": "NAME=VALUE"}
    elif _kind(field) is tuple:
        parameters |= {"multiple": True, "metavar": "VALUE"}
    else:
        parameters["metavar"] = "VALUE"
    return click.option(declaration, name, cls=SettingOption, **parameters)


def _kind(field: FieldInfo) -> Any:
    """The generic class of a field's type, such as dict or tuple; None if it has none."""
    return get_origin(_without_none(field.annotation))


def _help(name: str, field: FieldInfo) -> str:
    default = "" if field.default in (None, "", ()) else f", default {field.default}"
    if field.is_required():
        default = ", required"
    elif field.default_factory is not None:
        default = ""
    return f"{field.description}  [{ENVIRONMENT_PREFIX}{name.upper()}{default}]"


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation


def _key_and_value(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        # The message leaves out the argument, which may be a password.
        raise click.UsageError(f"{option_name(name)} takes NAME=VALUE; one argument has no '='")
    return key, value


def _misspelt(settings_class: type[Settings]) -> list[str]:
    """A warning for each of our variables whose name is near to a setting's but is none.

    Others are ignored: the same environment may serve several commands.
    """
    own = [name.upper() for name in (*settings_class.model_fields, "config")]
    others = {
        variable: name.removeprefix(ENVIRONMENT_PREFIX)
        for variable in sorted(os.environ)
        if (name := variable.upper()).startswith(ENVIRONMENT_PREFIX)
        and name.removeprefix(ENVIRONMENT_PREFIX) not in own
    }
    return [
        f"Warning: {variable} is no setting of this command; "
        f"did you mean {ENVIRONMENT_PREFIX}{near}?"
        for variable, name in others.items()
        for near in get_close_matches(name, own, 1, SIMILARITY)
    ]


def _explained(
    settings_class: type[Settings], error: ValidationError, given: set[str], file: Path | None
) -> list[str]:
    lines = []
    for detail in error.errors(include_url=False):
        message = detail["msg"].removeprefix("Value error, ")
        name, *inner = map(str, detail["loc"]) if detail["loc"] else [""]
        if name not in settings_class.model_fields:
            lines.append(": ".join(filter(None, [name, message])))
            continue
        where = f"{option_name(name)} ({ENVIRONMENT_PREFIX}{name.upper()})"
        if file is not None and name not in given and not _in_environment(name):
            where = f"{file}: {name}"
        if _kind(settings_class.model_fields[name]) is dict:
            where = ": ".join([where, *inner])
        elif SECRET_NAME.search(name):
            message += f"; got {len(str(detail['input']))} characters"
        elif detail["type"] != "value_error":
            message += f"; got {detail['input']!r}"
        lines.append(f"{where}: {message}")
    return lines


def _in_environment(name: str) -> bool:
    variable = ENVIRONMENT_PREFIX + name.upper()
    return any(value and each.upper() == variable for each, value in os.environ.items())
