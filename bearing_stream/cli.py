"""`bearing-stream`: the entry point of all commands.

The package of a subcommand is imported only when that subcommand runs: `bearing-stream --help` must
not wait for torch.
"""

import os
import sys

from bearing_stream.program import INTERRUPTED

# OpenBLAS reads it when NumPy is loaded: those of its threads that have nothing to do then sleep at
# once. Else each keeps a core busy for some milliseconds after each product, and the Kafka client
# has to wait for one.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

try:
    # A tenth of a second, in which Ctrl-C would print a traceback.
    from difflib import get_close_matches
    from importlib import import_module
    from importlib.metadata import version
    from io import TextIOWrapper
    from typing import Any, Final

    import click
except KeyboardInterrupt:
    sys.exit(INTERRUPTED)

_COMMANDS: Final = "bearing_stream.commands"

COMMANDS: Final = {
    "demo": (
        f"{_COMMANDS}.demo",
        "Show it all: a Kafka, the simulator, the consumer, a summary.",
    ),
    "consume": ("consumer", "Diagnose windows from Kafka, exactly once."),
    "simulate": ("producer_sim", "Replay recordings into Kafka as windows."),
    "watch": (f"{_COMMANDS}.watch", "Watch the diagnoses in a live table."),
    "page": (f"{_COMMANDS}.page", "Show the fleet on a live page in a browser."),
    "dead-letters": (
        f"{_COMMANDS}.dead_letters",
        "List, show and redrive messages that could not be diagnosed.",
    ),
    "alarms": (
        f"{_COMMANDS}.alarms",
        "Raise alarms from the diagnoses; list, acknowledge and shelve them.",
    ),
    "verify": (
        f"{_COMMANDS}.verify",
        "Check in the topics that every window was diagnosed once.",
    ),
    "transactions": (
        f"{_COMMANDS}.transactions",
        "List and abort transactions that hold readers back.",
    ),
    "diagnose": (f"{_COMMANDS}.diagnose", "Diagnose recordings in files."),
    "serve": (f"{_COMMANDS}.serve", "Diagnose records sent over HTTP."),
    "train": ("training", "Fit the network and write it to assets."),
    "baseline": (f"{_COMMANDS}.baseline", "Fit a baseline to a healthy machine of yours."),
    "evaluate": ("training.evaluation", "Evaluate the diagnoses on bearings held out of training."),
    "recordings": ("bearing_stream.recordings", "List, fetch and verify the CWRU recordings."),
    "capacity": (f"{_COMMANDS}.capacity", "Measure how many sensors this machine carries."),
    "broker": ("bearing_stream.local_kafka", "Run a local Kafka, to try things by hand."),
}
"""Subcommand → its package, and its line in the help."""

EXTRAS: Final = {
    "demo": "demo",
    "capacity": "demo",
    "page": "page",
    "serve": "serve",
    "transactions": "transactions",
    "train": "train",
    "evaluate": "train",
    "recordings": "fetch",
    "broker": "demo",
}
"""Subcommand → the extra of this package with what that subcommand needs beyond the base."""


FEATURES: Final = {
    "matplotlib": "plot",
    "opentelemetry": "otel",
    "prometheus_client": "metrics",
}
"""Module that only an option of a command needs, such as `diagnose --plot` → the extra with it."""


class LazyGroup(click.Group):
    """A click group that imports the package of a subcommand when that subcommand runs."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program; a character that the terminal cannot show is written as its code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The subcommands, in the order in which a new user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the package of a subcommand; None if there is no such subcommand."""
        if cmd_name not in COMMANDS:
            return None
        package, _ = COMMANDS[cmd_name]
        try:
            command: click.Command = import_module(f"{package}.command").command
        except ModuleNotFoundError as error:
            raise _missing(error, cmd_name) from error
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; suggest the nearest name for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            for near in get_close_matches(args[0], COMMANDS, 1):
                ctx.fail(f"No such command '{args[0]}'; did you mean '{near}'?")
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; report Ctrl-C in one line, also during the import."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except ModuleNotFoundError as error:
            # A command imports at its start, or later, what only some of its ways need.
            raise _missing(error, ctx.invoked_subcommand or "") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands without importing their packages."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _missing(error: ModuleNotFoundError, name: str) -> Exception:
    """Return what to raise for a module that a subcommand cannot import: the remedy in a line.

    It is the error itself where no extra brings that module.
    """
    extra = EXTRAS.get(name) or FEATURES.get((error.name or "").partition(".")[0])
    if extra is None:
        return error
    return click.ClickException(
        f"`bearing-stream {name}` needs a package that is not installed ({error.name}): "
        f"pip install 'bearing-stream[{extra}]'"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("bearing-stream"), prog_name="bearing-stream")
def main() -> None:
    """Diagnose rolling-element bearings from Kafka.

    Where a command's help names a variable BEARING_STREAM_<NAME> next to an option, that setting
    can also be given in the environment, or as a key of the TOML file that --config names.
    """
