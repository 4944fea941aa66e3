"""The base class of all settings, and the sources of their values."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import new_class
from typing import Any, ClassVar, TypeVar, cast

from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bearing_stream.config.file import read_file

ENVIRONMENT_PREFIX = "BEARING_STREAM_"

SECRET_NAME = re.compile(r"password|secret|token|\.key|key\.pem|jaas|oauthbearer\.config", re.I)
"""Names of client properties whose values are never printed."""

MASK = "********"

S = TypeVar("S", bound="Settings")


class Settings(BaseSettings):
    """A frozen, validated set of settings.

    Precedence: command line, then environment (`BEARING_STREAM_<NAME>`), then the TOML file, then
    the default.
    """

    file_values: ClassVar[Mapping[str, Any]] = {}
    """Values from the settings file; `load` sets them on a subclass of its own."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line first, then environment, then file."""
        from_file: Mapping[str, Any] = getattr(settings_cls, "file_values", {})
        return init_settings, env_settings, InitSettingsSource(settings_cls, dict(from_file))

    def printable(self) -> dict[str, Any]:
        """Every setting by name, with the values of secrets replaced by asterisks."""
        return {name: _masked(name, value) for name, value in self.model_dump(mode="json").items()}

    def __repr_args__(self) -> Any:
        """Keep secrets out of `repr` too, and so out of logs and tracebacks."""
        return self.printable().items()


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(key, item) for key, item in value.items()}
    return MASK if SECRET_NAME.search(name) else value


def load(
    settings_class: type[S],
    given: Mapping[str, Any],
    file: Path | None = None,
    section: str | None = None,
    siblings: Collection[str] = (),
) -> S:
    """The settings of a command.

    Args:
        settings_class: The class to fill.
        given: The values given on the command line, by field name.
        file: A TOML file; see `bearing_stream.config` for how commands share it.
        section: The command's section in the file; None reads the top level only.
        siblings: Names that the section may hold for other subcommands of the same command.

    Raises:
        pydantic.ValidationError: A value is of the wrong kind or out of bounds.
        SettingsFileError: The file is not TOML, or has an unknown key or section.
    """
    bound = cast("type[S]", new_class(settings_class.__name__, (settings_class,)))
    if file is not None:
        bound.file_values = read_file(file, settings_class.model_fields, section, siblings)
    return bound(**given)
