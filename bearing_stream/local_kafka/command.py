"""`bearing-stream broker`: a Kafka in the foreground, to try things by hand."""

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

import click

from bearing_stream.local_kafka.cluster import LocalKafka
from bearing_stream.local_kafka.errors import LocalKafkaError


@click.command("broker")
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=9092,
    show_default=True,
    help="Where clients connect; further brokers take the next ports.",
)
@click.option(
    "--brokers", type=click.IntRange(1, 5), default=1, show_default=True, help="How many brokers."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder that keeps the data between runs. Without it, the data is deleted.",
)
def command(port: int, brokers: int, data: Path | None) -> None:
    """Run a real Apache Kafka on this machine until Ctrl-C.

    It needs neither Java nor Docker. The first run fetches 43 MB from Maven Central.
    """
    # SIGTERM has the same effect as Ctrl-C: the brokers stop first, cleanly if the data is kept.
    # SIGINT has it too, although a shell ignores SIGINT for the background processes of a script.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with LocalKafka(brokers, port=port, data=data, is_lasting=True) as kafka:
            kept = f"is kept in {data}" if data else "is deleted when you stop it"
            click.echo(f"Apache Kafka is ready at {kafka.bootstrap_servers}; its data {kept}.")
            click.echo(f"Stop it with Ctrl-C, or with `kill {os.getpid()}`.")
            _watch(kafka)
    except LocalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _watch(kafka: LocalKafka) -> NoReturn:
    """Wait for Ctrl-C.

    Raises:
        LocalKafkaError: a broker has ended.
    """
    while True:
        for broker in kafka.brokers:
            if not kafka.is_running(broker):
                raise LocalKafkaError(
                    f"Broker {broker} has ended. The end of its log:\n{kafka.log_tail(broker)}"
                )
        time.sleep(0.5)
