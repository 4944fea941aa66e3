"""Choose the signal of a file."""

from pathlib import Path

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.content import Content, Signal
from bearing_stream.recordings.formats.names import name_and_unit
from bearing_stream.vocabulary import WINDOW_LENGTH

_LISTED = 20
"""Signals that an error message lists."""

_RIVAL = 0.5
"""A signal of at least this share of the longest one's samples may be meant as well as it."""


def choose(content: Content, channel: str | None, variable: str | None, path: Path) -> Signal:
    """Return the chosen signal, or the only one that can be meant.

    Without a choice this is the only signal that is not a time axis and not much shorter than
    another, or the only drive-end channel `*_DE_time` of a CWRU file.

    Args:
        content: The signals of the file.
        channel: A name, a name without its unit, or a number.
        variable: The variable that holds the signal.
        path: The file, for the message.

    Raises:
        RecordingError: No signal or several fit; the message lists them.
    """
    pool = _of_variable(content, variable, path)
    if channel is not None:
        return _named(pool, channel, path)
    usable = _long_enough([signal for signal in pool if not signal.is_time])
    drive_end = [signal for signal in usable if signal.name.endswith("_DE_time")]
    if len(drive_end) == 1:
        return drive_end[0]
    if len(usable) == 1:
        return usable[0]
    if not usable:
        raise RecordingError(f"{path}: {_nothing(content)}")
    several = len({signal.group for signal in usable}) > 1
    ways = "--variable and --channel" if several and _repeated(usable) else "--channel"
    windows = all(signal.size == WINDOW_LENGTH for signal in usable)
    raise RecordingError(
        f"{path}: {len(usable)} signals: {_listed(usable)}; choose one with {ways} "
        f"(a name or a number){', or --windows-as-rows if each is a window of one' * windows}"
    )


def _of_variable(content: Content, variable: str | None, path: Path) -> list[Signal]:
    signals = list(content.signals)
    if variable is None:
        return signals
    if not any(signal.group for signal in signals):
        raise RecordingError(
            f"{path}: --variable: {content.format} has no variables; choose with --channel"
        )
    for fold in (str, str.casefold):
        wanted = fold(variable)
        for key in (_variable_names, lambda signal: [signal.group.rpartition(".")[2]]):
            if found := [s for s in signals if wanted in map(fold, key(s))]:
                return found
    groups = ", ".join(dict.fromkeys(s.group for s in signals if not s.is_time))
    raise RecordingError(f"{path}: --variable: no variable {variable!r}, but {groups}")


def _variable_names(signal: Signal) -> list[str]:
    return [signal.group, signal.name, *signal.aliases]


def _named(pool: list[Signal], channel: str, path: Path) -> Signal:
    for matches in (_exactly, _loosely, _without_unit, _by_last_name, _by_number):
        found = [signal for signal in pool if matches(signal, channel)]
        if not found:
            continue
        usable = [signal for signal in found if not signal.is_time]
        if not usable:
            others = [signal for signal in pool if not signal.is_time]
            raise RecordingError(
                f"{path}: --channel: {found[0].title} is a time axis and no signal; choose "
                f"{_listed(others) or 'another file'}"
            )
        if len(usable) > 1 and matches is _by_number:
            longest = _long_enough(usable)
            usable = longest if len(longest) == 1 else usable
        if len(usable) > 1:
            way = "--variable" if matches is _by_number else "its number"
            raise RecordingError(
                f"{path}: --channel: {channel!r} fits {len(usable)} signals: {_listed(usable)}; "
                f"choose by {way}"
            )
        return usable[0]
    usable = _long_enough([signal for signal in pool if not signal.is_time])
    raise RecordingError(
        f"{path}: --channel: there is no signal {channel!r}; the file has: "
        f"{_listed(usable) or 'none'}"
    )


def _exactly(signal: Signal, channel: str) -> bool:
    return bool(channel) and channel in (signal.name, *signal.aliases)


def _loosely(signal: Signal, channel: str) -> bool:
    wanted = " ".join(channel.split()).casefold()
    names = (signal.name, *signal.aliases)
    return bool(wanted) and wanted in (" ".join(name.split()).casefold() for name in names)


def _without_unit(signal: Signal, channel: str) -> bool:
    return bool(channel) and name_and_unit(signal.name)[0].casefold() == channel.strip().casefold()


def _by_last_name(signal: Signal, channel: str) -> bool:
    name = signal.group.rpartition(".")[2]
    return bool(name) and channel.casefold() in (name.casefold(), signal.group.casefold())


def _by_number(signal: Signal, channel: str) -> bool:
    return channel.isdecimal() and int(channel) == signal.number


def _long_enough(signals: list[Signal]) -> list[Signal]:
    """Leave out signals that are much shorter than the longest."""
    longest = max((signal.size or 0 for signal in signals), default=0)
    return [s for s in signals if s.size is None or s.size >= _RIVAL * longest]


def _repeated(signals: list[Signal]) -> bool:
    numbers = [signal.number for signal in signals]
    return len(set(numbers)) < len(numbers)


def _listed(signals: list[Signal]) -> str:
    shown = ", ".join(_entry(signal) for signal in signals[:_LISTED])
    more = len(signals) - _LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def _entry(signal: Signal) -> str:
    return f"{signal.number} {signal.name!r}" if signal.name else str(signal.number)


def _nothing(content: Content) -> str:
    parts = [f"no signal in {content.format}"]
    if axes := [signal.title for signal in content.signals if signal.is_time]:
        parts.append(f"but the time axis {axes[0]}")
    if content.unreadable:
        parts.append(f"but {', '.join(content.unreadable[:_LISTED])}, which cannot be read")
        if any("MATLAB" in each for each in content.unreadable):
            parts.append("save the samples as a matrix, for a table with table2array")
    return "; ".join([", ".join(parts[:3]), *parts[3:]])
