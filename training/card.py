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
    """A file that was trained, validated and tested on."""

    id: str
    """Of the recording."""
    label: str
    """The data center's name for it."""
    fault: FaultLabel
    """State of the bearing."""
    sha256: str
    """Of the file as it was read."""
    official: bool
    """Whether that is the file the data center publishes, whole; here others are truncated."""
    windows: int
    """Windows of 2048 without overlap that it holds at 12 kHz."""


class Windows(_Part):
    """One part of the split."""

    count: dict[str, int]
    """Windows without overlap, by fault label."""
    sha256: str
    """Of the sorted window ids, one a line."""


class Scores(_Part):
    """How windows were diagnosed."""

    windows: int
    """How many."""
    accuracy: float
    """Share of them diagnosed right."""
    recall: dict[FaultLabel, float]
    """The same by class."""
    recall_at_least: dict[FaultLabel, float]
    """What the recall is above with 95 % confidence, were windows independent (Clopper and
    Pearson 1934): how little a few windows can show."""
    confusion: list[list[int]]
    """Windows of true class (row) diagnosed as class (column), in the order of `labels`."""


class Flagged(_Part):
    """Shares of windows that are flagged as no good for a diagnosis."""

    windows: int
    """How many."""
    novelty: float
    """Share of them beyond the limit of novelty."""
    quality: float
    """Share of them with something wrong with the signal."""
    either: float
    """Share of them with one or the other: `uncertain` in a diagnosis."""


class Calibration(_Part):
    """How far confidence and share of right diagnoses lie apart: expected calibration error."""

    before: float
    """With the probabilities as the network was fitted."""
    after: float
    """With its logits divided by the temperature."""


class ModelCard(_Part):
    """What is known of the network in an assets folder."""

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
    """How it was fitted: the fields of `training.fit.Recipe`."""
    epochs: int
    """That were run."""
    best_epoch: int
    """From 1, of the lowest validation loss: the weights are from there."""
    validation_loss: float
    """There, mean cross-entropy in nats."""
    libraries: dict[str, str]
    """Versions."""
    data: list[DataFile]
    """What was read."""
    training: Windows
    """Trained on, with every other window that shares no sample with the next two."""
    validation: Windows
    """Stopped by."""
    test: Windows
    """Never seen before the end."""
    validation_scores: Scores
    """On the validation windows."""
    test_scores: Scores
    """On the test windows."""
    controls: dict[str, Scores]
    """On the test windows, each time with something done to the recordings before."""
    novelty_limit: float
    """Mahalanobis distance from the nearest class beyond which a window is novel."""
    temperature: float
    """What the logits are divided by, fitted on the validation windows; 1 at least."""
    calibration: dict[str, Calibration]
    """Of the validation and the test windows."""
    signals: dict[str, Flagged] = {}
    """Of signals that are no bearing at 12 kHz or badly measured, and of the test windows for
    comparison."""
    unseen: dict[str, Flagged] = {}
    """Bearings that networks had not been trained on; `bearing-stream evaluate` fills it in."""


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


def scores_of(judgement: ConfusionMatrix) -> Scores:
    """Write a judgement down."""
    return Scores(
        windows=int(judgement.confusion.sum()),
        accuracy=judgement.accuracy,
        recall=judgement.recall,
        recall_at_least=judgement.recall_at_least,
        confusion=judgement.confusion.tolist(),
    )


def windows_of(recordings: Sequence[Recording], starts: Starts) -> Windows:
    """Write a part of the split down."""
    return Windows(count=count_windows(recordings, starts), sha256=fingerprint(recordings, starts))
