"""What is compared."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bearing_stream.program import PROGRAM
from tools.bench.errors import BenchError
from tools.bench.peers import installing

Format = Literal["float32", "int16"]

CONSUME: Final = "consume"
"""The name of the consumer's rows begins with it."""

EXACTLY_ONCE: Final = "consume, exactly once"
AT_LEAST_ONCE: Final = "consume, at least once"
COPY: Final = "copy in transactions, no inference"
QUIX: Final = "Quix Streams"
FAST_QUIX: Final = "Quix Streams, network as matrix product"
LOOP: Final = "plain poll loop"
STREAMS: Final = "Kafka Streams, threads: {}"
"""With ONNX Runtime."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that turns windows into diagnoses.

    Args:
        name: Of its row.
        command: That starts it, without the options for servers, group and topics.
        guarantee: That it gives, for the table.
        sample_format: Of its windows.
        checked: Whether its predictions must be those of the network: not where physics decides,
            nor where nothing is inferred.
        dead_letters: Whether it takes an option for their topic.
        latency: Whether its latency is measured too.
    """

    name: str
    command: tuple[str, ...]
    guarantee: str
    sample_format: Format = "float32"
    checked: bool = True
    dead_letters: bool = False
    latency: bool = False


def contenders(folder: Path, options: Sequence[str] = ()) -> tuple[list[Contender], dict[str, str]]:
    """Return all contenders that can run here, the peers first.

    Args:
        folder: For the tools of the peers, which are fetched.
        options: Further ones of the consumer.

    Returns:
        The contenders, and those left out → why.
    """
    found: list[Contender] = [_loop()]
    left_out: dict[str, str] = {}
    try:
        python = installing.peers_python(folder)
    except BenchError as error:
        left_out |= dict.fromkeys((QUIX, STREAMS.format("1 or 2")), str(error))
    else:
        found = [*_quix(python), *found]
        try:
            found += _kafka_streams(folder, python)
        except BenchError as error:
            left_out[STREAMS.format("1 or 2")] = str(error)
    copy = (sys.executable, "-m", "tools.bench.peers.programs.copy_loop")
    found.append(Contender(COPY, copy, "exactly once", checked=False))
    return [*found, *_consumers(options)], left_out


def _loop() -> Contender:
    command = (sys.executable, "-m", "tools.bench.peers.programs.poll_loop", "--published-form")
    return Contender(LOOP, command, "none", latency=True)


def _quix(python: Path) -> list[Contender]:
    command = (str(python), "-m", "tools.bench.peers.programs.quix")
    return [
        Contender(QUIX, (*command, "--published-form"), "at least once", latency=True),
        Contender(FAST_QUIX, command, "at least once"),
    ]


def _kafka_streams(folder: Path, python: Path) -> list[Contender]:
    built = installing.kafka_streams(folder, python)
    java = ("java", "-Xmx1g", "-cp", built.class_path, "Peer", "--network", str(built.network))
    options = (*java, "--state", str(folder / "state"), "--threads")
    return [
        Contender(STREAMS.format(threads), (*options, f"{threads}"), "exactly once", latency=True)
        for threads in (1, 2)
    ]


def _consumers(options: Sequence[str]) -> list[Contender]:
    formats: tuple[Format, ...] = ("float32", "int16")
    return [
        Contender(
            name=f"{name}, {decided_by}, {sample_format}",
            command=(
                *(
                    *PROGRAM,
                    "consume",
                    "--guarantee",
                    name.removeprefix("consume, ").replace(" ", "-"),
                ),
                *("--diagnoser", decided_by, *options),
            ),
            guarantee=name.removeprefix("consume, "),
            sample_format=sample_format,
            checked=decided_by == "network",
            dead_letters=True,
            latency=(decided_by, sample_format) == ("network", "float32"),
        )
        for name in (EXACTLY_ONCE, AT_LEAST_ONCE)
        for decided_by in ("network", "physics")
        for sample_format in formats
    ]
