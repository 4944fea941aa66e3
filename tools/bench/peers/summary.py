"""What follows from the measurements: a row for each contender, and ratios."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tools.bench.peers.contenders import (
    AT_LEAST_ONCE,
    COPY,
    EXACTLY_ONCE,
    FAST_QUIX,
    LOOP,
    QUIX,
    STREAMS,
)
from tools.bench.peers.latency import Latency
from tools.bench.peers.results import Entry
from tools.bench.peers.throughput import Throughput

MIB: Final = 2**20

NETWORK: Final = f"{EXACTLY_ONCE}, network, float32"

RATIOS: Final = (
    (NETWORK, STREAMS.format(2)),
    (NETWORK, STREAMS.format(1)),
    (NETWORK, QUIX),
    (NETWORK, FAST_QUIX),
    (NETWORK, LOOP),
    (NETWORK, COPY),
    (f"{EXACTLY_ONCE}, network, int16", NETWORK),
    (NETWORK, f"{AT_LEAST_ONCE}, network, float32"),
    (f"{EXACTLY_ONCE}, physics, float32", QUIX),
    ("HTTP, serve, JSON", "HTTP, original service, JSON"),
    ("HTTP, serve, binary", "HTTP, original service, JSON"),
)
"""Contender → another; how many times as many windows a second."""


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a contender, medians of its runs; NaN where there are none."""

    name: str
    windows_per_second: float
    least: float
    most: float
    own_microseconds: float
    broker_microseconds: float
    memory_mib: float
    start_seconds: float
    latencies: dict[int, tuple[float, float]]
    """Sensors → milliseconds, median and 99th percentile."""
    disturbed: bool
    """Whether a run or a latency was."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A comparison of two contenders."""

    name: str
    other: str
    times: float | None
    """None where one of the two has no run that was not disturbed."""
    reason: str
    """Why there is no ratio."""


def rows(entries: Sequence[Entry]) -> list[Row]:
    """Return a row for each contender, in the order of the entries."""
    return [_row(name, entries) for name in dict.fromkeys(entry.name for entry in entries)]


def ratios(entries: Sequence[Entry]) -> list[Ratio]:
    """Return the ratios of contenders that were measured, from runs that were not disturbed."""
    measured = {entry.name for entry in entries if entry.kind == "throughput"}
    return [
        _ratio(name, other, entries)
        for name, other in RATIOS
        if name in measured and other in measured
    ]


def disturbances(entries: Iterable[Entry]) -> list[str]:
    """Return a line for each contender with measurements that were disturbed."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        if entry.disturbed:
            cores = entry.result.others_cores
            found.setdefault(entry.name, []).append(f"{_turn(entry)} ({cores:.2f})")
    return [f"{name}: {', '.join(turns)}" for name, turns in found.items()]


def _turn(entry: Entry) -> str:
    if entry.kind == "throughput":
        return f"round {entry.turn + 1}"
    return f"latency with {entry.turn} sensors"


def _ratio(name: str, other: str, entries: Sequence[Entry]) -> Ratio:
    medians = []
    for each in (name, other):
        rates = [
            one.windows_per_second
            for entry in entries
            if entry.name == each and not entry.disturbed
            for one in [entry.result]
            if isinstance(one, Throughput)
        ]
        if not rates:
            return Ratio(name, other, None, f"every run of {each} was disturbed")
        medians.append(median(rates))
    return Ratio(name, other, medians[0] / medians[1], "")


def _row(name: str, entries: Sequence[Entry]) -> Row:
    own = [entry for entry in entries if entry.name == name]
    runs = [entry.result for entry in own if isinstance(entry.result, Throughput)]
    # Figures of undisturbed runs, where there are any.
    calm = [
        entry.result
        for entry in own
        if isinstance(entry.result, Throughput) and not entry.disturbed
    ]
    used = calm or runs
    rates = [run.windows_per_second for run in used]
    latencies = [entry.result for entry in own if isinstance(entry.result, Latency)]
    return Row(
        name=name,
        windows_per_second=_median(rates),
        least=min(rates, default=float("nan")),
        most=max(rates, default=float("nan")),
        own_microseconds=_median(run.own_microseconds for run in used),
        broker_microseconds=_median(
            run.broker_microseconds for run in used if run.broker_microseconds is not None
        ),
        memory_mib=_median(run.memory / MIB for run in used),
        start_seconds=_median(run.start_seconds for run in used),
        latencies={one.sensors: (one.p50, one.p99) for one in latencies},
        disturbed=any(entry.disturbed for entry in own),
    )


def _median(values: Iterable[float]) -> float:
    given = [value for value in values if value == value]
    return median(given) if given else float("nan")
