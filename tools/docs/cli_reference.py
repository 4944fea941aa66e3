"""The command-line reference, made from the click commands."""

import inspect
from collections.abc import Iterator

import click

from bearing_stream.cli import COMMANDS, main
from tools.docs.docstrings import table
from tools.docs.settings_tables import TABLES

PROGRAM = "bearing-stream"


def cli_reference() -> str:
    """Return a section for each command: usage, help, and the options that are no settings."""
    context = click.Context(main, info_name=PROGRAM)
    sections: list[str] = []
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None, name
        sections += _sections(command, click.Context(command, context, name), name)
    return "\n".join(sections)


def _sections(command: click.Command, context: click.Context, top: str) -> Iterator[str]:
    """Yield the section of a command, then those of its subcommands."""
    path = context.command_path
    usage = f"{path} {' '.join(command.collect_usage_pieces(context))}"
    yield f"{'#' * path.count(' ')}# {path}\n\n```console\n$ {usage}\n```\n\n{_help(command)}"
    settings = set(TABLES[top].model_fields) | {"config"} if top in TABLES else set()
    rows = [
        record
        for parameter in command.get_params(context)
        if parameter.name not in settings
        and "--help" not in parameter.opts
        and (record := parameter.get_help_record(context)) is not None
        and record[1]
    ]
    if rows:
        yield table(("option", "meaning"), [(f"`{option}`", text) for option, text in rows])
    if any(parameter.name in settings for parameter in command.params):
        yield f"Its settings: [`{top}`](settings.md#{top}).\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from _sections(below, click.Context(below, context, name), top)


def _help(command: click.Command) -> str:
    """Return the help text in Markdown; click's mark against rewrapping is left out."""
    return inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
