"""The model card as Markdown."""

from collections.abc import Mapping, Sequence

from bearing_stream.vocabulary import FAULT_LABELS
from training.card import Flagged, ModelCard, Scores


def markdown(card: ModelCard) -> str:
    """Return the model card as Markdown; the numbers are those of the card and no others."""
    sections = [
        f"# Model card: {card.name} {card.version}\n\n{_SCOPE}\n\n{_DESCRIPTION}",
        f"## Results\n\n{_results(card)}",
        f"## What the results depend on\n\n{_dependencies(card)}",
        f"## Out-of-distribution signals\n\n{_novelty(card)}",
        f"## Calibration\n\n{_calibration(card)}",
        f"## Data\n\n{_data(card)}",
        f"## Training\n\n{_training(card)}",
    ]
    return "\n\n".join(sections) + "\n"


_SCOPE = """\
**This network is valid for the rig that it was trained on, and for no other.** On the recordings of
other rigs it diagnoses 69 to 99 % of the healthy windows as faulty. For another machine, fit a
baseline to its healthy recordings: then physics decides, and diagnoses 0 to 0.6 % of the same
healthy windows as faulty. Without one, every prediction is marked `uncertain`."""


_DESCRIPTION = """\
The network diagnoses a rolling-element bearing from 2048 samples of a drive-end accelerometer at
12 kHz (170.7 ms) as healthy or by the damaged part: Ball, InnerRace, Normal or OuterRace. Conv1d
(1→5, kernel 100), tanh, AvgPool1d (50), Linear (190→4), softmax: 1,269 parameters. Each window is
standardised by its own mean and sample standard deviation, so the result does not depend on unit or
offset.

![One window on its way through the layers](architecture.png)"""


_PARTS = ("training", "validation", "test")


def _results(card: ModelCard) -> str:
    test, validation = card.test_scores, card.validation_scores
    return f"""\
**{test.accuracy:.2%} of {test.windows} test windows right**: drawn at random, 30 % of each
recording, diagnosed once, when nothing was left to choose. Of the {validation.windows} validation
windows, which stopped the training: {validation.accuracy:.2%}.

{_recalls(card)}

*At least*: lower bound of the recall at 95 % confidence, if the windows were independent. It is low
for Normal because there are few healthy windows.

Test windows, true class by row, diagnosed class by column:

{_confusion(test)}

![Confusion matrix of the test windows](confusion_matrix.png)"""


def _recalls(card: ModelCard) -> str:
    rows = [
        [
            label,
            *(str(getattr(card, part).count.get(label, 0)) for part in _PARTS),
            _percent(card.validation_scores.recall.get(label)),
            _percent(card.test_scores.recall.get(label)),
            _percent(card.test_scores.recall_at_least.get(label)),
        ]
        for label in FAULT_LABELS
    ]
    head = ["class", *_PARTS, "recall, validation", "recall, test", "at least"]
    return table(head, rows)


def _confusion(scores: Scores) -> str:
    rows = [
        [label, *map(str, counts)]
        for label, counts in zip(FAULT_LABELS, scores.confusion, strict=True)
    ]
    return table(["", *FAULT_LABELS], rows)


def _dependencies(card: ModelCard) -> str:
    rows = [
        [name, *(_percent(scores.recall.get(label)) for label in FAULT_LABELS)]
        for name, scores in {"as they are": card.test_scores, **card.controls}.items()
    ]
    return f"""\
- The test windows share no sample with any window trained or validated on, but they come from
  **the same bearings, mountings and recordings**. These results show that the network was fitted
  well. They do not apply to a bearing, a load or a depth of damage that it was not trained on:
  [EVALUATION.md](EVALUATION.md) has results for those, which are much worse.
- All healthy windows are of one bearing on one rig.
- All recordings are used at 12 kHz. The healthy ones were recorded at 48 kHz and are resampled when
  they are read. At 48 kHz, a network would distinguish the sampling rates instead of the bearings.
  The first control below checks whether it still does, by the filter of the resampling: it would
  then diagnose faults that went through the same filter as Normal.
- The rig hums between 4 and 4.5 kHz, most clearly where the bearing is healthy. The second control
  removes all frequencies above 4 kHz: the recall that Normal loses depends on that hum.
- The network always predicts one of its four labels, for every signal. Its probabilities are
  meaningless for a signal unlike those that it was trained on. Novelty detects some of those
  signals, as shown below.

Recall on the same test windows, after one change to the whole recordings:

{table(["recordings", *FAULT_LABELS], rows)}"""


def _novelty(card: ModelCard) -> str:
    text = f"""\
Novelty is an out-of-distribution score. A window is novel beyond a Mahalanobis distance of
{card.novelty_limit:.2f} from the nearest class, in the input features of the linear layer. One in a
hundred validation windows is. Signal flags (clipping, dropout, a jump of the mean, mains hum) are
independent of the network. Either makes a diagnosis `uncertain`. Shares of flagged windows, of
synthetic signals and of test windows that were changed:

{_flagged(card.signals)}"""
    if not card.unseen:
        return text + "\n\n`bearing-stream evaluate` adds the flags of unseen bearings."
    return f"""{text}

Of real bearings, diagnosed by networks that were not trained on them:

{_flagged(card.unseen)}

**Novelty detects signals that are no bearing; it does not detect unseen bearings.** The network's
features of a fault of another depth or type are often those of a fault that it was trained on, and
the wrong diagnosis has no flag. Finer features (the power in 64 bands in addition to the pooled
ones) flag every unseen bearing. But every bearing of a plant is unseen to a network that was
trained elsewhere: all its diagnoses would be uncertain. Physics works there: see EVALUATION.md."""


def _flagged(rows: Mapping[str, Flagged]) -> str:
    head = ["windows", "how many", "by novelty", "by the signal's quality", "by either"]
    shares = {name: (row.novelty, row.quality, row.either) for name, row in rows.items()}
    return table(
        head,
        [
            [name, str(rows[name].windows), *(f"{share:.1%}" for share in found)]
            for name, found in shares.items()
        ],
    )


def _calibration(card: ModelCard) -> str:
    rows = [
        [part, f"{error.before:.4f}", f"{error.after:.4f}"]
        for part, error in card.calibration.items()
    ]
    return f"""\
Logits are divided by a temperature of {card.temperature:.2f}, fitted to the cross-entropy of the
validation windows. It is at least 1, and so can only lower the confidence. For a network that is
right about every validation window, the fit would raise the confidence without bound, which is no
evidence about other windows.

{table(["expected calibration error", "as fitted", "at the temperature"], rows)}

These errors are valid for the bearings that it was trained on. On unseen ones the confidence is as
high and the diagnosis often wrong. EVALUATION.md has the error there, which no temperature
corrects."""


def _data(card: ModelCard) -> str:
    others = ", ".join(f"{file.id}.mat" for file in card.data if not file.official)
    official = (
        f"Truncated copies or other files, by their SHA-256, not the official ones: {others}."
        if others
        else "All are the official files by their SHA-256."
    )
    return f"""\
Drive-end accelerometer, bearing 6205-2RS, Case Western Reserve University Bearing Data Center,
<https://engineering.case.edu/bearingdatacenter>; the data is not part of this project.

- {len(card.data)} recordings, {sum(file.windows for file in card.data)} windows without overlap.
- {official}
- The SHA-256 of every file is in `model_card.json`."""


def _training(card: ModelCard) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in card.libraries.items())
    recipe = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in card.recipe.items())
    return f"""\
Each recording's windows are split at random: 30 % for test, 15 % of the others for validation.
Training windows begin at any sample, and share no sample with those. They are drawn again for each
epoch, the same number from each class, because healthy windows are rare. The recipe was chosen on
validation windows alone.

- Seed {card.seed}; {recipe}.
- {card.epochs} epochs; weights of epoch {card.best_epoch}, whose validation loss was the lowest,
  {card.validation_loss:.4f} nats.
- {libraries}; {card.trained_on.isoformat()}.
- `bearing-stream train --data FOLDER --seed {card.seed}` gives the same weights on the same machine
  with the same libraries. On another processor the weights may differ, and with them the numbers
  here. With `--evaluate` it also reproduces the other numbers here and those in EVALUATION.md.

![Loss and accuracy by epoch](training_curves.png)"""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: text in the first column, numbers in the others."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])
