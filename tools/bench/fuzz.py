"""Malformed input at scale: fuzzed messages for the decoder and for a running consumer.

`python -m tools.bench.fuzz decode`, `consume`; see README.md.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.local_kafka import LocalKafka, LocalKafkaError
from tools.bench.errors import BenchError
from tools.bench.figures import conclude
from tools.bench.fuzz_consumer import FuzzRun, fuzz_consumer
from tools.bench.fuzz_decoder import fuzz_decoder
from tools.chaos.errors import ChaosError

FILE: Final = "fuzz.json"

FOLDER: Final = Path("out/fuzz")
"""Folder for the log of the consumer."""


@click.group()
def command() -> None:
    """Process valid, invalid and ambiguous messages; the same seed gives the same messages."""


@command.command()
@click.option("--messages", type=click.IntRange(100), default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def decode(messages: int, seed: int) -> None:
    """Decode fuzzed messages: the right samples, or a rejection from the closed list."""
    try:
        with conclude(FILE, "decode") as figures:
            figures.update(_in_mib(asdict(fuzz_decoder(messages, seed)) | {"seed": seed}))
    except BenchError as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option("--messages", type=click.IntRange(100), default=100_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.argument("consumer_options", nargs=-1, type=click.UNPROCESSED)
def consume(messages: int, seed: int, consumer_options: tuple[str, ...]) -> None:
    """Send fuzzed messages to a running consumer, and check the result of each in the topics.

    CONSUMER_OPTIONS, after `--`, go to `bearing-stream consume`.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    run = FuzzRun(messages, seed, consumer_options)
    try:
        with conclude(FILE, "consume") as figures, LocalKafka() as kafka:
            figures.update(fuzz_consumer(kafka.bootstrap_servers, run, FOLDER))
    except (BenchError, ChaosError, FatalKafkaError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error


def _in_mib(figures: dict[str, Any]) -> dict[str, Any]:
    """Convert bytes to MiB."""
    return {
        name.replace("rss", "rss_mib"): round(value / 2**20, 1) if "rss" in name else value
        for name, value in figures.items()
    }


if __name__ == "__main__":
    command()
