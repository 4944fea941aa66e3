"""The sources of measurements: CWRU recordings, a user's own files, or synthetic bearings."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.cwru import load, present
from bearing_stream.recordings.fetch import default_folder
from bearing_stream.recordings.manifest import ManifestRow, chosen_files, expected
from bearing_stream.recordings.synthetic import bearings
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE
from producer_sim.settings import SimulatorSettings
from producer_sim.streams import BLOCK, Form, SensorStream, from_bearing, from_recording

SYNTHETIC_NATIVE_RATE: Final = 48_000
"""Hz, of synthetic signals with `--native-rate`."""


class SelectionError(RecordingError):
    """The selected settings contradict one another, or select something that does not exist."""


def open_streams(
    settings: SimulatorSettings,
    files: Sequence[Path] = (),
    notify: Callable[[str], None] = lambda _: None,
) -> list[SensorStream]:
    """The sensors to simulate, with their samples in the settings' format.

    Args:
        settings: The source, and the selection from it.
        files: A user's own recordings.
        notify: Called with one line that names the source, and one for each file that was read.

    Raises:
        SelectionError: The settings contradict one another, or select something that does not
            exist.
        RecordingError: A recording is missing or cannot be read.
        click.UsageError: The number of rates or speeds is neither one nor that of the files.
    """
    labels = _labels(settings.label)
    folder = None if files else default_folder(settings.data)
    source = settings.source
    if source == "auto":
        source = "files" if files else "cwru" if folder else "synthetic"
    _check(settings, source, files)
    if source == "synthetic":
        why = "" if settings.source == source else ", because there are no recordings"
        number = counted(settings.sensors, "bearing")
        notify(f"synthetic signals of {number}, seed {settings.seed}{why}")
        return _synthetic(settings, labels)
    if source == "files":
        rows = chosen_files(files, None, settings.rate, settings.rpm, settings.channel or None)
        notify(f"{counted(len(files), 'recording')} of your own")
        return _streams(settings, _own(settings, rows, notify))
    if folder is None:
        raise RecordingError(
            "no CWRU recordings: name their folder with --data or CWRU_DATA, or get them with "
            "`bearing-stream recordings fetch`"
        )
    entries = _chosen(folder, _listed(settings.recordings), labels)
    notify(f"{counted(len(entries), 'CWRU recording')} from {folder}")
    recordings = load(folder, entries, settings.strict, native_rate=settings.native_rate)
    return _streams(settings, recordings)


def _labels(text: str) -> list[str]:
    labels = _listed(text)
    if unknown := [label for label in labels if label not in FAULT_LABELS]:
        raise SelectionError(
            f"--label: no label {', '.join(unknown)}: choose from {', '.join(FAULT_LABELS)}"
        )
    return labels


def _check(settings: SimulatorSettings, source: str, files: Sequence[Path]) -> None:
    """Refuse settings that would have no effect with this source."""
    given = {
        "files": (bool(files), {"files"}),
        "--data": (settings.data is not None, {"cwru"}),
        "--recordings": (bool(settings.recordings), {"cwru"}),
        "--label": (bool(settings.label), {"cwru", "synthetic"}),
        "--rate": (bool(settings.rate), {"files"}),
        "--channel": (bool(settings.channel), {"files"}),
        "--variable": (bool(settings.variable), {"files"}),
        "--windows-as-rows": (settings.windows_as_rows, {"files"}),
        "--unit": (bool(settings.unit), {"files"}),
        "--decimal": (settings.decimal is not None, {"files"}),
        "--rpm": (bool(settings.rpm), {"files", "synthetic"}),
    }
    for name, (is_given, sources) in given.items():
        if is_given and source not in sources:
            raise SelectionError(
                f"{name} is for the source {' or '.join(sorted(sources))}, and this is {source}"
            )
    if source == "files" and not files:
        raise SelectionError("--source files: name the files")
    if source == "synthetic" and len(settings.rpm) > 1:
        raise SelectionError(f"{expected('--rpm', 'shaft speed', 1)}, got {len(settings.rpm)}")


def counted(number: int, noun: str) -> str:
    """`1 sensor`, `2 sensors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _chosen(folder: Path, names: Sequence[str], labels: Sequence[str]) -> list[CatalogueEntry]:
    """The selected recordings; without a selection, all in the folder."""
    entries: Iterable[CatalogueEntry] = present(folder)
    if names:
        by_name = {name: entry for entry in catalogue() for name in (entry.id, entry.label)}
        if unknown := [name for name in names if name not in by_name]:
            raise SelectionError(
                f"--recordings: no recording {', '.join(unknown)}: `bearing-stream recordings "
                "list` shows all"
            )
        entries = dict.fromkeys(by_name[name] for name in names)
    chosen = [entry for entry in entries if not labels or entry.fault in labels]
    if not chosen:
        raise RecordingError(
            f"{folder}: expected a folder with CWRU recordings, and none matches the selection; "
            "`bearing-stream recordings list` shows which are there"
        )
    return chosen


def _own(
    settings: SimulatorSettings, rows: Sequence[ManifestRow], notify: Callable[[str], None]
) -> Iterable[Recording]:
    names = Counter(row.file.stem for row in rows)
    if repeated := [name for name, times in names.items() if times > 1]:
        raise RecordingError(
            f"several files are named {', '.join(repeated)}: a file's name is its sensor's id, so "
            "rename them to be unique"
        )
    for row in rows:
        recording = settings.read(
            row.file,
            rate=row.rate,
            channel=row.channel,
            rpm=row.rpm,
            native_rate=settings.native_rate,
        )
        if recording.origin is not None:
            notify(f"{row.file}: {recording.origin.described()}")
        yield recording


def _streams(settings: SimulatorSettings, recordings: Iterable[Recording]) -> list[SensorStream]:
    form = Form(settings.wire_format, settings.measurement)
    return [
        from_recording(recording, form, loop=settings.loop, truth=settings.truth)
        for recording in recordings
    ]


def _synthetic(settings: SimulatorSettings, labels: Sequence[str]) -> list[SensorStream]:
    # Labels alternate, so four times as many bearings hold enough of each label.
    rpm = next(iter(settings.rpm), None)
    all_bearings = bearings(len(FAULT_LABELS) * settings.sensors, settings.seed, rpm)
    chosen = [
        bearing for bearing in all_bearings if not labels or bearing.condition.fault in labels
    ]
    return [
        from_bearing(
            bearing,
            Form(settings.wire_format, settings.measurement),
            sampling_rate=SYNTHETIC_NATIVE_RATE if settings.native_rate else SAMPLING_RATE,
            loop=settings.loop,
            truth=settings.truth,
            first_block=1 + index % BLOCK,
        )
        for index, bearing in enumerate(chosen[: settings.sensors])
    ]


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
