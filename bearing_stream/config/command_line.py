"""Command-line options made from the fields of a settings class."""

import os
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from bearing_stream.config.base import ENVIRONMENT_PREFIX, S, Settings, load

F = TypeVar("F", bound=Callable[..., Any])

ALIKE: Final = 0.8
"""Likeness (of difflib) from which on a name is a misspelt one: two of five letters swapped."""


def options(settings_class: type[Settings]) -> Callable[[F], F]:
    """Give a click command an option for each field, and `--config FILE`.

    An option not given on the command line arrives as None, and `from_command_line` leaves it to
    the environment, the file or the default.
    """

    def decorate(command: F) -> F:
        for name, field in reversed(settings_class.model_fields.items()):
            command = _option(name, field)(command)
        return click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            envvar=ENVIRONMENT_PREFIX + "CONFIG",
            show_envvar=True,
            help="TOML file with settings by name.",
        )(command)

    return decorate


def from_command_line(settings_class: type[S], given: Mapping[str, Any]) -> S:
    """The settings, from what click passed to a command decorated with `options`.

    An environment variable that seems to be a misspelt setting is told on stderr.

    Raises:
        click.UsageError: A setting is wrong; names its option, its environment variable and what
            was expected. Values are not repeated, since one of them may be a secret.
    """
    for line in _misspelt(settings_class):
        click.echo(line, err=True)
    values = {name: value for name, value in given.items() if value is not None}
    file = values.pop("config", None)
    for name, value in values.items():
        if isinstance(value, tuple):
            values[name] = dict(_key_and_value(name, item) for item in value)
    values = {name: value for name, value in values.items() if value != {}}
    try:
        return load(settings_class, values, file)
    except ValidationError as error:
        raise click.UsageError("\n".join(_explained(settings_class, error, file))) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} is not a TOML file: {error}") from error
    except SettingsError as error:
        unread = [name for name in settings_class.model_fields if f'"{name}"' in str(error)]
        variables = ", ".join(ENVIRONMENT_PREFIX + name.upper() for name in unread)
        raise click.UsageError(
            f'{variables}: expected a JSON object such as {{"client.id": "press-7"}}; '
            "what came is not JSON"
        ) from error


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
    elif get_origin(annotation) is dict:
        parameters |= {"multiple": True, "metavar": "NAME=VALUE"}
    else:
        parameters["metavar"] = "VALUE"
    return click.option(declaration, name, **parameters)


def _help(name: str, field: FieldInfo) -> str:
    default = "" if field.default in (None, "") else f", default {field.default}"
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
        # What came is not repeated: it may be a password.
        raise click.UsageError(f"{option_name(name)} takes NAME=VALUE; one came without '='")
    return key, value


def _misspelt(settings_class: type[Settings]) -> list[str]:
    """A line for each variable of ours that is near to a setting's, but is none.

    Others are passed over: the same environment may serve several commands.
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
        for near in get_close_matches(name, own, 1, ALIKE)
    ]


def _explained(
    settings_class: type[Settings], error: ValidationError, file: Path | None
) -> list[str]:
    lines = []
    for detail in error.errors(include_input=False, include_url=False):
        said = detail["msg"].removeprefix("Value error, ")
        name, *inner = map(str, detail["loc"]) if detail["loc"] else [""]
        if name in settings_class.model_fields:
            where = f"{option_name(name)} ({ENVIRONMENT_PREFIX}{name.upper()})"
            lines.append(": ".join([where, *inner, said]))
        elif name:
            known = ", ".join(settings_class.model_fields)
            lines.append(
                f"{file or 'settings'}: '{name}' is no setting of this command; it has {known}"
            )
        else:
            lines.append(said)
    return lines
