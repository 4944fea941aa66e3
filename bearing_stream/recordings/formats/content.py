"""What a file holds: signals, and what is stated about each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rate:
    """A sampling rate that a file states, or why it cannot be derived.

    Args:
        hz: Hz; NaN if it is not known, for the reason in `problem`.
        source: Where in the file: `variable Fs`, `column 0 'Time (s)'`.
        problem: Empty, or the reason why a time axis has no rate.
    """

    hz: float
    source: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The samples of one signal.

    Args:
        values: Shape (n,), or (m, n) for m stretches of equal length that do not follow each other.
        rates: What the file states about their rate, the most specific first.
        starts: Indices, above 0, at which a new stretch begins in `values` of one dimension.
        warnings: What a person must know to rely on the samples.
    """

    values: NDArray[Any]
    rates: tuple[Rate, ...] = ()
    starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Signal:
    """One signal of a file, not read yet.

    Args:
        title: What and where it is: `column 1 'X (g)'`, `variable bearing.gs`.
        name: Its name in the file, by which it can be chosen; may be empty.
        number: Its number in the file, by which it can be chosen, from 0.
        read: Reads it.
        group: The variable that holds it with others; empty if the format has no variables.
        aliases: Other names by which it can be chosen.
        unit: Its unit, if the file states one that is known.
        size: Number of samples, if that is known before it is read.
        is_time: A time axis or a counter, which is never the signal.
    """

    title: str
    name: str
    number: int
    read: Callable[[], Samples]
    group: str = ""
    aliases: tuple[str, ...] = ()
    unit: str = ""
    size: int | None = None
    is_time: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Content:
    """The signals of a file.

    Args:
        format: The format in a few words: `WAV, 16 bit`.
        signals: In the file's order, time axes included.
        encoding: Of a text file.
        unreadable: What else the file holds and cannot be read as a signal, for an error message.
        warnings: What a person must know about the file as a whole.
    """

    format: str
    signals: tuple[Signal, ...]
    encoding: str = ""
    unreadable: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file, where it can be read in several ways.

    Args:
        windows_as_rows: Each row of a matrix is a window of one signal; otherwise this is assumed
            only where it is evident.
        decimal: The decimal mark of a text file, `.` or `,`; None finds it.
    """

    windows_as_rows: bool = False
    decimal: str | None = None
