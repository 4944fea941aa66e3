"""`bearing-stream capacity`."""

import os
import signal
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from bearing_stream.commands.capacity.conclusion import SENSOR_RATE, Bound, Capacity
from bearing_stream.commands.capacity.errors import CapacityError
from bearing_stream.commands.capacity.measuring import measure
from bearing_stream.commands.capacity.processor import PROC, model_name
from bearing_stream.commands.capacity.settings import CapacitySettings
from bearing_stream.commands.capacity.stage import stage
from bearing_stream.commands.terminal import OutputConsole, counted, json_text, standard_output
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.local_kafka import LocalKafkaError

BOUNDS: Final[dict[Bound, str]] = {
    "consumer": "each consumer fully uses a core",
    "processor": "all cores of this machine are used",
    "kafka": "the consumers wait for Kafka: its disk, its network or its own processor",
}


@click.command(name="capacity")
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@options(CapacitySettings)
def command(as_json: bool, **given: Any) -> None:
    """Measure how many sensors this machine carries, in about a minute.

    Synthetic windows are written to a topic of their own, and diagnosed by one consumer and by one
    for each core. A sensor sends 5.86 windows a second. Nothing else should run on the machine
    meanwhile.
    """
    settings = from_command_line(CapacitySettings, given)
    if not (PROC / "stat").exists():
        raise click.ClickException(
            "the capacity is measured by the processor times in /proc, which only Linux has"
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    workers = settings.max_workers or len(os.sched_getaffinity(0))
    console = Console(stderr=True)
    try:
        with (
            console.status("starting Kafka") as status,
            stage(settings, workers, console.print) as prepared,
        ):
            found = measure(prepared, settings, workers, status.update)
    except (CapacityError, FatalKafkaError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing was measured") from None
    with standard_output():
        if as_json:
            # The client's properties may hold a password.
            described = settings.model_dump(exclude={"kafka"})
            facts = found.as_json() | {"processor": model_name(), "settings": described}
            click.echo(json_text(facts, indent=2))
        else:
            _show(found, settings)


def _show(found: Capacity, settings: CapacitySettings) -> None:
    console, best = OutputConsole(), found.best
    guarantee = settings.guarantee.replace("-", " ")
    local = settings.bootstrap_servers is None
    console.print(
        f"[bold]{counted(best.sensors, 'sensor')}[/] at {SENSOR_RATE:.2f} windows/s each, "
        f"{guarantee}, with {counted(best.workers, 'consumer')} on "
        f"{counted(found.cores, 'core')}" + (" and Kafka on them." if local else ".")
    )
    console.print(f"Bounded because {BOUNDS[best.bound]}.")
    console.print(
        f"One more core would bring {counted(found.sensors_per_core, 'sensor')}. Plan with 70 % of "
        "all this: what is left is for catching up."
    )
    console.print(_table(found))
    if found.disturbed:
        used = max(one.run.others_cores for one in found.carried)
        console.print(
            f"[bold]Disturbed:[/] other processes used up to {used:.2f} cores meanwhile, so this "
            "is too low. Repeat it when the machine is idle."
        )


def _table(found: Capacity) -> Table:
    table = Table("consumers")
    titles = ("windows/s", "sensors", "bound", "µs of consumer", "of Kafka, reading", "writing")
    for title in titles:
        table.add_column(title, justify="right")
    for one in found.carried:
        table.add_row(
            str(one.workers),
            f"{one.windows_per_second:,.0f}",
            f"{one.sensors:,}",
            one.bound,
            f"{one.run.consumer_us:.1f}",
            _or_elsewhere(one.run.kafka_us),
            _or_elsewhere(found.write_us),
        )
    return table


def _or_elsewhere(microseconds: float | None) -> str:
    return "elsewhere" if microseconds is None else f"{microseconds:.1f}"
