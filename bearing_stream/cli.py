"""`bearing-stream`: one subcommand a task, each brought by its own room.

A room is imported only when its subcommand runs: `bearing-stream --help` must not wait for torch.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import click

_COMMANDS: Final = "bearing_stream.commands"

COMMANDS: Final = {
    "demo": (
        f"{_COMMANDS}.demo",
        "Show all of it: a Kafka, the simulator, the consumer, a summary.",
    ),
    "consume": ("consumer", "Diagnose windows out of Kafka, exactly once."),
    "simulate": ("producer_sim", "Replay recordings into Kafka as windows."),
    "watch": (f"{_COMMANDS}.watch", "Watch the diagnoses in a live table."),
    "dead-letters": (
        f"{_COMMANDS}.dead_letters",
        "List, show and redrive what could not be diagnosed.",
    ),
    "verify": (
        f"{_COMMANDS}.verify",
        "Check in the topics that every window was diagnosed once.",
    ),
    "diagnose": (f"{_COMMANDS}.diagnose", "Diagnose recordings in files."),
    "serve": (f"{_COMMANDS}.serve", "Diagnose records sent by HTTP."),
    "train": ("training", "Fit the network and write it to assets."),
    "baseline": (f"{_COMMANDS}.baseline", "Fit what a healthy machine of yours looks like."),
    "evaluate": ("training.evaluation", "Judge the diagnoses on bearings set aside."),
    "recordings": ("bearing_stream.recordings", "List, fetch and verify the CWRU recordings."),
    "broker": ("bearing_stream.local_kafka", "Run a Kafka here, for trying things by hand."),
}
"""Subcommand → the room that brings it, and its line in the help."""

EXTRAS: Final = {
    "demo": "demo",
    "serve": "serve",
    "train": "train",
    "evaluate": "train",
    "recordings": "fetch",
    "broker": "demo",
}
"""Subcommand → the extra of this package with what that subcommand needs beyond the base."""

INTERRUPTED: Final = 130
"""Exit status of what Ctrl-C ended, as shells have it: 128 and the number of the signal."""


class Rooms(click.Group):
    """A click group that imports a room when its subcommand is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The subcommands, in the order a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the room of a subcommand; None if there is no such subcommand."""
        if cmd_name not in COMMANDS:
            return None
        room, _ = COMMANDS[cmd_name]
        try:
            command: click.Command = import_module(f"{room}.command").command
        except ModuleNotFoundError as error:
            raise _missing(error, cmd_name) from error
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; Ctrl-C, while its room is imported too, is told in plain words."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except ModuleNotFoundError as error:
            # A command imports at its start, or later, what only some of its ways need.
            raise _missing(error, ctx.invoked_subcommand or "") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands without importing a room."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _missing(error: ModuleNotFoundError, name: str) -> Exception:
    """Return what to raise for a module that a subcommand cannot import: the remedy in a line.

    It is the error itself where no extra of the subcommand's brings that module.
    """
    if name not in EXTRAS:
        return error
    return click.ClickException(
        f"`bearing-stream {name}` needs a package that is not installed ({error.name}): "
        f"pip install 'bearing-stream[{EXTRAS[name]}]'"
    )


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("bearing-stream"), prog_name="bearing-stream")
def main() -> None:
    """Diagnose rolling-element bearings out of Kafka.

    Where a command's help names a variable BEARING_STREAM_<NAME> beside an option, that setting can
    be given in the environment too, or as a key of the TOML file that --config names.
    """
