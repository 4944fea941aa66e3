"""The settings file: one TOML file for all commands, with a section for each."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

SECTIONS: Final = (
    *("demo", "consume", "simulate", "watch", "dead-letters", "verify", "diagnose", "serve"),
    *("baseline", "capacity", "transactions", "alarms", "page"),
)
"""The commands that take settings, each the name of its section."""

SHARED_KEYS: Final = frozenset(
    {
        *("bootstrap_servers", "kafka", "startup_timeout", "create_topics"),
        *("log_format", "log_level"),
        *("windows_topic", "diagnoses_topic", "dead_letters_topic"),
        *("assets", "backend", "device", "diagnoser", "sensor_table", "threads", "batch_size"),
        *("clipping_samples", "dropout_samples", "jump_share", "mains_hum_share", "novelty_limit"),
        *("data", "rate", "channel", "rpm", "sensor", "uncertain_as_unknown"),
        *("variable", "windows_as_rows", "unit", "decimal"),
        *("min_sampling_rate", "max_sampling_rate", "max_samples"),
        *("backlog", "guarantee", "limit", "since", "until", "measurement", "native_rate"),
        "sample_format",
        *("group", "group_protocol", "instance_id", "start_from", "topic_check_interval", "on_gap"),
        *("max_delay", "commit_interval", "transaction_timeout", "session_timeout"),
        *("report_interval", "metrics_port", "metrics_host", "client_statistics", "otlp"),
        *("host", "port", "max_sensors"),
        *("alarms_topic", "alarm_events_topic", "alarm_commands_topic", "alarm_state_topic"),
        "replay",
    }
)
"""The settings of more than one command. At the top level a command skips those that it does not
have itself. The list stands here because this package imports no command; a test compares it with
the commands."""

SIMILARITY: Final = 0.6
"""Ratio of difflib above which a known name is suggested for an unknown one."""


SUGGESTS: Final = "; did you mean "


class SettingsFileError(Exception):
    """The settings file is not TOML, or has a key or a section that no command reads.

    The message names the file and the nearest known names; it repeats no value, which may be a
    secret.
    """


def read_file(
    path: Path, fields: Collection[str], section: str | None = None, siblings: Collection[str] = ()
) -> dict[str, Any]:
    """The values that a settings file has for one command.

    A key of the command's section overrides the same key at the top level; of a table such as
    `[kafka]` the keys are merged. Sections of other commands are skipped unread.

    Args:
        path: The TOML file.
        fields: The settings of the command.
        section: Name of the command's section; None if it has none.
        siblings: Settings that share the section, those of the subcommands of one command. They
            are skipped.

    Returns:
        Values by field name, not validated.

    Raises:
        SettingsFileError: The file is not TOML, or has an unknown key or section.
        OSError: The file cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsFileError(f"{path} is not a TOML file: {error}") from error
    own = content.get(section, {}) if section else {}
    if not isinstance(own, Mapping):
        raise SettingsFileError(f"{path}: '{section}' must be a section, [{section}]")
    top = {name: value for name, value in content.items() if name not in SECTIONS}
    known = {*fields, *siblings}
    problems = [_unknown_at_top(name, value, known) for name, value in _without(top, known)]
    problems += [_unknown_in(section or "", name, known) for name, _ in _without(own, known, ())]
    problems += [*_unquoted(top), *_unquoted(own)]
    if problems:
        lines = [f"{path}: {problem}" for problem in problems]
        if not all(SUGGESTS in problem for problem in problems):
            lines.append(
                f"The command's settings are {', '.join(fields)}. Its other options are for the "
                "command line only."
            )
        raise SettingsFileError("\n".join(lines))
    return _merged(top, own, fields)


def _without(
    values: Mapping[str, Any], known: Collection[str], shared: Collection[str] = SHARED_KEYS
) -> Iterable[tuple[str, Any]]:
    return [item for item in values.items() if item[0] not in known and item[0] not in shared]


def _merged(
    top: Mapping[str, Any], own: Mapping[str, Any], fields: Collection[str]
) -> dict[str, Any]:
    merged = {name: value for name, value in top.items() if name in fields}
    for name, value in own.items():
        if name not in fields:
            continue
        before = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        merged[name] = {**before, **value} if both and before is not None else value
    return merged


def _unknown_at_top(name: str, value: object, known: Iterable[str]) -> str:
    if isinstance(value, Mapping):
        tables = {*SECTIONS, "kafka"}
        return f"no command has a section [{name}]{suggestion(name, tables, '[{}]')}"
    return (
        f"'{name}' is no setting of this command{suggestion(name, {*known, *SHARED_KEYS})}; "
        "a setting of another command belongs in that command's section"
    )


def _unknown_in(section: str, name: str, known: Iterable[str]) -> str:
    return f"[{section}]: '{name}' is no setting of this command{suggestion(name, known)}"


def suggestion(name: str, known: Iterable[str], form: str = "'{}'") -> str:
    """The end of a message about an unknown name: the nearest known one; empty if none is near."""
    near = get_close_matches(name, sorted(known), 1, SIMILARITY)
    return f"{SUGGESTS}{form.format(near[0])}?" if near else ""


def _unquoted(values: Mapping[str, Any]) -> Iterable[str]:
    """Name the client properties that TOML has taken for tables, because of their dots."""
    kafka = values.get("kafka", {})
    for name, inner in kafka.items() if isinstance(kafka, Mapping) else ():
        if isinstance(inner, Mapping):
            whole = name
            while isinstance(inner, Mapping) and inner:
                below, inner = next(iter(inner.items()))
                whole += f".{below}"
            yield f"[kafka]: '{name}' is a table{SUGGESTS}\"{whole}\", quoted since it has dots?"
