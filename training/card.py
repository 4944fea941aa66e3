"""The model card: what was trained, on what, and how well it does, as JSON and as Markdown."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bearing_stream.recordings import Recording
from bearing_stream.recordings.catalogue import CatalogueEntry
from bearing_stream.recordings.cwru import sha256
from bearing_stream.vocabulary import FaultLabel
from training.scoring import ConfusionMatrix
from training.split import Starts, count_windows, fingerprint


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class DataFile(_Part):
    """A file of recordings used for training, validation and test."""

    id: str
    """Of the recording."""
    label: str
    """The data center's name for it."""
    fault: FaultLabel
    """State of the bearing."""
    sha256: str
    """Of the file."""
    official: bool
    """Whether it is the complete file that the data center publishes; others may be truncated."""
    windows: int
    """Windows of 2048 without overlap that it holds at 12 kHz."""


class Windows(_Part):
    """One part of the split."""

    count: dict[str, int]
    """Windows without overlap, by fault label."""
    sha256: str
    """Of the sorted window ids, one a line."""


class Scores(_Part):
    """How many windows were diagnosed right."""

    windows: int
    """How many."""
    accuracy: float
    """Share of them diagnosed right."""
    recall: dict[FaultLabel, float]
    """The same by class."""
    recall_at_least: dict[FaultLabel, float]
    """Lower bound of the recall at 95 % confidence, if windows were independent (Clopper and
    Pearson 1934): the fewer windows, the lower."""
    confusion: list[list[int]]
    """Windows of true class (row) diagnosed as class (column), in the order of `labels`."""


class Flagged(_Part):
    """Shares of windows that are flagged."""

    windows: int
    """How many."""
    novelty: float
    """Share of them beyond the limit of novelty."""
    quality: float
    """Share of them with a signal flag."""
    either: float
    """Share of them with novelty or a signal flag: `uncertain` in a diagnosis."""


class Calibration(_Part):
    """Expected calibration error: difference between confidence and share of right diagnoses."""

    before: float
    """With the probabilities as the network was fitted."""
    after: float
    """With its logits divided by the temperature."""


class ModelCard(_Part):
    """The description of the network in an assets folder."""

    name: str
    """Of the network, as in every diagnosis."""
    version: str
    """First twelve digits of the weights' SHA-256, as in every diagnosis."""
    labels: tuple[FaultLabel, ...]
    """In the order of the outputs."""
    trained_on: date
    """The day, UTC."""
    seed: int
    """Of the split, the first weights and the windows drawn."""
    recipe: dict[str, int | float]
    """The fields of `training.fit.Recipe`."""
    epochs: int
    """Epochs run."""
    best_epoch: int
    """From 1, of the lowest validation loss: the weights are from there."""
    validation_loss: float
    """At the best epoch; mean cross-entropy in nats."""
    libraries: dict[str, str]
    """Versions."""
    data: list[DataFile]
    """The files that were read."""
    training: Windows
    """Windows trained on; all others that share no sample with the next two are trained on too."""
    validation: Windows
    """Windows that stop the training."""
    test: Windows
    """Windows that are diagnosed once, at the end."""
    validation_scores: Scores
    """On the validation windows."""
    test_scores: Scores
    """On the test windows."""
    controls: dict[str, Scores]
    """On the test windows, with one change to the recordings each."""
    novelty_limit: float
    """Mahalanobis distance from the nearest class beyond which a window is novel."""
    temperature: float
    """Divisor of the logits, fitted on the validation windows; at least 1."""
    calibration: dict[str, Calibration]
    """Of the validation and the test windows."""
    signals: dict[str, Flagged] = {}
    """Of signals that are no bearing at 12 kHz or badly measured, and of the test windows for
    comparison."""
    unseen: dict[str, Flagged] = {}
    """Of bearings that networks were not trained on; `bearing-stream evaluate` adds it."""


def data_files(
    folder: Path, entries: Iterable[CatalogueEntry], recordings: Iterable[Recording]
) -> list[DataFile]:
    """Describe the files of `folder` that the recordings were read from, in the same order."""
    files = []
    for entry, recording in zip(entries, recordings, strict=True):
        found = sha256(folder / entry.file_name)
        files.append(
            DataFile(
                id=entry.id,
                label=entry.label,
                fault=entry.fault,
                sha256=found,
                official=found == entry.official_sha256,
                windows=len(recording.windows()),
            )
        )
    return files


def scores_of(matrix: ConfusionMatrix) -> Scores:
    """Return the scores of a confusion matrix."""
    return Scores(
        windows=int(matrix.counts.sum()),
        accuracy=matrix.accuracy,
        recall=matrix.recall,
        recall_at_least=matrix.recall_at_least,
        confusion=matrix.counts.tolist(),
    )


def windows_of(recordings: Sequence[Recording], starts: Starts) -> Windows:
    """Describe a part of the split."""
    return Windows(count=count_windows(recordings, starts), sha256=fingerprint(recordings, starts))
