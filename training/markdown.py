"""The model card in prose."""

from collections.abc import Mapping, Sequence

from bearing_stream.vocabulary import FAULT_LABELS
from training.card import Flagged, ModelCard, Scores


def markdown(card: ModelCard) -> str:
    """Return the model card as Markdown; the numbers are those of the card and no others."""
    sections = [
        f"# Model card: {card.name} {card.version}\n\n{_WHAT_IT_IS}",
        f"## Results\n\n{_results(card)}",
        f"## What the results rest on\n\n{_reach(card)}",
        f"## What it does not know\n\n{_unknown(card)}",
        f"## How sure it is\n\n{_calibration(card)}",
        f"## Data\n\n{_data(card)}",
        f"## Training\n\n{_training(card)}",
    ]
    return "\n\n".join(sections) + "\n"


_WHAT_IT_IS = """\
Tells from 2048 samples of a drive-end accelerometer at 12 kHz (170.7 ms) whether a rolling-element
bearing is healthy or which part is damaged: Ball, InnerRace, Normal or OuterRace. Conv1d (1→5,
kernel 100), tanh, AvgPool1d (50), Linear (190→4), softmax: 1,269 parameters. Each window is
standardised by its own mean and sample standard deviation, so neither unit nor offset matters.

![One window on its way through the layers](architecture.png)"""


_PARTS = ("training", "validation", "test")


def _results(card: ModelCard) -> str:
    test, validation = card.test_scores, card.validation_scores
    return f"""\
**{test.accuracy:.2%} of {test.windows} test windows right**: drawn at random, 30 % of each
recording, diagnosed once, when nothing was left to choose. Of the {validation.windows} validation
windows, by which the training was stopped: {validation.accuracy:.2%}.

{_recalls(card)}

*At least*: what the recall is above with 95 % confidence, were the windows independent. Few healthy
windows can show little.

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


def _reach(card: ModelCard) -> str:
    rows = [
        [name, *(_percent(scores.recall.get(label)) for label in FAULT_LABELS)]
        for name, scores in {"as they are": card.test_scores, **card.controls}.items()
    ]
    return f"""\
- The test windows share no sample with any window trained or validated on, but they come from
  **the same bearings, mountings and recordings**. These results show that the network was fitted
  well. They do not show that it knows a bearing, a load or a depth of damage that it has not seen:
  [EVALUATION.md](EVALUATION.md) does, and there it does much worse.
- All healthy windows are of one bearing on one rig.
- All recordings are used at 12 kHz. The healthy ones were made at 48 kHz and are brought down when
  they are read; left at 48 kHz, a network tells the sampling rates apart instead of the bearings.
  The first control below asks whether it still tells them apart, by the filter that they went
  through: faults that went through it too would then be called Normal.
- The rig hums between 4 and 4.5 kHz, most clearly where the bearing is healthy. The second control
  removes everything above 4 kHz: what Normal then loses rests on that hum.
- It always answers with one of its four labels, whatever it is shown. Its probabilities say nothing
  about a signal unlike those it was trained on; its novelty does, as far as is shown below.

Recall on the same test windows, with something done to the whole recordings before:

{table(["recordings", *FAULT_LABELS], rows)}"""


def _unknown(card: ModelCard) -> str:
    text = f"""\
A window is novel beyond a Mahalanobis distance of {card.novelty_limit:.2f} from the nearest class,
in the features that the linear layer sees: one in a hundred validation windows is. Beside it
stands what is wrong with the signal itself (clipping, dropout, a jump of the mean, mains hum).
Either makes a diagnosis `uncertain`. Flagged are, of signals made of the test windows or of none:

{_flagged(card.signals)}"""
    if not card.unseen:
        return text + "\n\n`bearing-stream evaluate` adds what is flagged of unseen bearings."
    return f"""{text}

Of real bearings that a network had not been trained on, shown to networks fitted without them:

{_flagged(card.unseen)}

**Novelty finds what is no bearing; it does not find an unseen bearing.** The network's features of
a fault of another depth or type are often those of a fault that it knows, and the wrong diagnosis
comes with no warning. Finer features (the power in 64 bands beside the pooled ones) flag every
unseen bearing, but every bearing is unseen to whoever did not train on it: all diagnoses of a
plant's own machines would be uncertain. Physics is the answer there, as EVALUATION.md shows."""


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
validation windows. It may make the network less sure and never surer: one that is right about every
validation window would be made surer without end, and that is no evidence about other windows.

{table(["expected calibration error", "as fitted", "at the temperature"], rows)}

This holds for bearings that it knows. On unseen ones it is as sure and often wrong; EVALUATION.md
has the error there, which no temperature mends."""


def _data(card: ModelCard) -> str:
    others = ", ".join(f"{file.id}.mat" for file in card.data if not file.official)
    official = (
        f"Not the official files by their SHA-256, but truncated copies or others: {others}."
        if others
        else "All are the official files by their SHA-256."
    )
    return f"""\
Drive-end accelerometer, bearing 6205-2RS, Case Western Reserve University Bearing Data Center,
<https://engineering.case.edu/bearingdatacenter>; the data is no part of this project.

- {len(card.data)} recordings, {sum(file.windows for file in card.data)} windows without overlap.
- {official}
- The SHA-256 of every file is in `model_card.json`."""


def _training(card: ModelCard) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in card.libraries.items())
    recipe = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in card.recipe.items())
    return f"""\
Each recording's windows are split by themselves at random: 30 % to test, 15 % of the others to
validate. Trained on are windows at any sample that share none with those, drawn anew for each epoch
and equally often for each class; that is what is done about the rarity of healthy windows. The
recipe was chosen on validation windows alone.

- Seed {card.seed}; {recipe}.
- {card.epochs} epochs; weights of epoch {card.best_epoch}, whose validation loss was the lowest,
  {card.validation_loss:.4f} nats.
- {libraries}; {card.trained_on.isoformat()}.
- `bearing-stream train --data FOLDER --seed {card.seed}` gives the same weights again, on the same
  machine and libraries. With `--evaluate` it gives every other number here and in EVALUATION.md
  too.

![Loss and accuracy by epoch](training_curves.png)"""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: words in the first column, numbers in the others."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])
