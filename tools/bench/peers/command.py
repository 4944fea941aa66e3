"""`python -m tools.bench.peers`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from confluent_kafka import KafkaException
from rich.console import Console

from bearing_stream.commands.capacity.processor import descendants, model_name, program_of
from bearing_stream.local_kafka import LocalKafka, LocalKafkaError
from tools.bench.errors import BenchError
from tools.bench.figures import conditions
from tools.bench.peers import http, latency, throughput
from tools.bench.peers.check import Expected
from tools.bench.peers.contenders import EXACTLY_ONCE, Contender, Format, contenders
from tools.bench.peers.report import report
from tools.bench.peers.results import Entry, ResultsFile, code_digest
from tools.bench.peers.topics import Topics, preload

FOLDER: Final = Path("out/peers")

SENSORS: Final = 171
"""For latencies: 1,002 windows a second."""

FEW_SENSORS: Final = 100

PARTITIONS: Final = 4


@dataclass
class Comparison:
    """One comparison: what is measured, and the clusters and files for it."""

    topics: Topics
    results: ResultsFile
    console: Console
    broker: int | None
    windows: int
    limit: float
    failures: dict[str, str] = field(default_factory=dict)

    def throughput(self, found: Sequence[Contender], rounds: int) -> None:
        """Measure every contender in each round, those that are not measured yet."""
        inputs: dict[Format, tuple[str, Expected]] = {}
        for turn in range(rounds):
            for contender in found:
                if self._skip("throughput", contender.name, turn):
                    continue
                given = contender.sample_format
                if given not in inputs:
                    inputs[given] = self._input(given)
                topic, expected = inputs[given]
                with self._measuring(contender.name, f"round {turn + 1} of {rounds}"):
                    result = throughput.measure(
                        contender, self.topics, topic, self.windows, expected,
                        self.broker, self.limit,
                    )  # fmt: skip
                    self.results.add(Entry("throughput", contender.name, turn, result))

    def http(self, names: Sequence[str], rounds: int) -> None:
        """Measure the HTTP services."""
        for turn in range(rounds):
            for name in names:
                if not self._skip("throughput", name, turn):
                    with self._measuring(name, f"round {turn + 1} of {rounds}"):
                        result = http.measure(name)
                        self.results.add(Entry("throughput", name, turn, result))

    def latency(self, contender: Contender, sensors: int, seconds: float) -> None:
        """Measure the latency of a contender, if it is not measured yet."""
        if not self._skip("latency", contender.name, sensors):
            with self._measuring(contender.name, f"latency with {sensors} sensors"):
                result = latency.measure(contender, self.topics, sensors, seconds)
                self.results.add(Entry("latency", contender.name, sensors, result))

    def _skip(self, kind: Any, name: str, turn: int) -> bool:
        return name in self.failures or self.results.get(kind, name, turn) is not None

    def _input(self, sample_format: Format) -> tuple[str, Expected]:
        with self.console.status(f"writing {self.windows:,} windows, {sample_format}"):
            topic = self.topics.create(sample_format, append_time=True)
            preload(self.topics.servers, topic, self.windows, sample_format)
            return topic, Expected(sample_format)

    @contextmanager
    def _measuring(self, name: str, what: str) -> Iterator[None]:
        """A contender that fails is left out of the rest, and the others are still measured."""
        try:
            with self.console.status(f"{name}: {what}"):
                yield
        except (BenchError, KafkaException) as error:
            self.failures[name] = str(error)
            self.console.print(f"{error}", markup=False, highlight=False)


@click.command()
@click.option(
    "--bootstrap-servers",
    envvar="BOOTSTRAP_SERVERS",
    show_envvar=True,
    help="Your Kafka; without it, one is started here.",
)
@click.option("--windows", type=click.IntRange(1000), default=100_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--limit",
    type=click.FloatRange(1),
    default=6.0,
    show_default=True,
    help="Seconds after its first diagnosis that a contender may take; a slow one diagnoses fewer.",
)
@click.option(
    "--latency-seconds", type=click.FloatRange(0), default=10.0, show_default=True,
    help="Seconds in which the latency is measured; 0 for none.",
)  # fmt: skip
@click.option("--only", multiple=True, help="Contenders whose name contains this (repeatable).")
@click.option("--anew", is_flag=True, help="Forget what an earlier call measured.")
@click.argument("consumer_options", nargs=-1, type=click.UNPROCESSED)
def command(
    bootstrap_servers: str | None,
    windows: int,
    rounds: int,
    limit: float,
    latency_seconds: float,
    only: tuple[str, ...],
    anew: bool,
    consumer_options: tuple[str, ...],
) -> None:
    """Compare the consumer with its peers on a real Kafka, in turn.

    Each measurement is written as soon as it is made. A call with the same options continues an
    interrupted comparison, and repeats the measurements that other work disturbed.

    CONSUMER_OPTIONS, after `--`, go to `bearing-stream consume`: `-- --batch-size 512`.
    """
    console = Console(stderr=True)
    measured_under = conditions(os.getloadavg(), ("bearing-stream", "confluent-kafka", "torch"))
    settings = {
        "windows": windows, "limit": limit, "latency_seconds": latency_seconds,
        "consumer_options": consumer_options, "code": code_digest(), "processor": model_name(),
        "kafka": bootstrap_servers or "local", "cores": measured_under["cores"],
        "versions": measured_under["versions"],
    }  # fmt: skip
    results = ResultsFile(FOLDER / "results.jsonl", settings, anew=anew)
    try:
        with console.status("fetching and building the peers"):
            found, left_out = contenders(FOLDER, consumer_options)
        for name, reason in left_out.items():
            console.print(f"without {name}: {reason}", markup=False, highlight=False)
        with ExitStack() as stack:
            broker = None
            if bootstrap_servers is None:
                local = stack.enter_context(LocalKafka(is_lasting=True))
                bootstrap_servers, broker = local.bootstrap_servers, _java()
            topics = Topics(bootstrap_servers, PARTITIONS)
            stack.callback(topics.close)
            comparison = Comparison(topics, results, console, broker, windows, limit)
            comparison.throughput([one for one in found if _wanted(one.name, only)], rounds)
            comparison.http([name for name in http.SERVICES if _wanted(name, only)], rounds)
            for contender in found if latency_seconds else []:
                if contender.latency and _wanted(contender.name, only):
                    comparison.latency(contender, SENSORS, latency_seconds)
                    if contender.name.startswith(EXACTLY_ONCE):
                        comparison.latency(contender, FEW_SENSORS, latency_seconds)
    except (BenchError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    report(results.entries, settings | measured_under, left_out | comparison.failures, SENSORS)


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(part.lower() in name.lower() for part in only)


def _java() -> int | None:
    """Return the process of the local Kafka."""
    found = (pid for pid in descendants(os.getpid()) if program_of(pid) == "java")
    return next(found, None)
