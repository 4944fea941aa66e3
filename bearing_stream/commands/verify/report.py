"""What a check found, as one value."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, NamedTuple

Guarantee = Literal["exactly-once", "at-least-once"]


class Place(NamedTuple):
    """Where a message stands in its topic."""

    partition: int
    offset: int


class Offender(NamedTuple):
    """A message that is wrong.

    `window` is a place in the windows topic, of the window that is lost or as the answer claims it.
    `answer` is a place in the topic of `kind`.
    """

    window: Place | None
    kind: Literal["diagnosis", "dead letter", ""] = ""
    answer: Place | None = None


MEANING: Final = {
    "lost": "windows without an answer",
    "duplicated": "diagnoses, or dead letters, beyond a window's first",
    "relabelled": "duplicated diagnoses that have not the ce_id of the first, to tell them by",
    "out_of_order": "diagnoses that come after that of a later window of the same sensor",
    "both": "windows that were diagnosed and are dead letters too",
    "unknown": "answers to a window that is not where they say",
    "altered": "dead letters that differ from the original in value, key, headers or timestamp",
}
"""Every way to be wrong."""

ASIDE: Final = {
    "before": "answers to windows before the range, or deleted since",
    "after": "answers to windows after the range",
    "elsewhere": "answers to windows of another topic",
    "other_models": "diagnoses of other model versions",
}
"""Answers that are no business of this check."""


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of one check; `MEANING` and `ASIDE` say what each is.

    `windows`, `diagnosed` and `dead_letters` are those in the range: messages of the windows topic,
    and windows that have at least one such answer. `deleted_answers` is how many offsets at the
    beginning of the other two topics are gone by retention: windows that were answered there seem
    lost. `seconds` is how long the check took.
    """

    windows: int = 0
    diagnosed: int = 0
    dead_letters: int = 0
    lost: int = 0
    duplicated: int = 0
    relabelled: int = 0
    out_of_order: int = 0
    both: int = 0
    unknown: int = 0
    altered: int = 0
    before: int = 0
    after: int = 0
    elsewhere: int = 0
    other_models: int = 0
    deleted_answers: int = 0
    seconds: float = 0.0
    guarantee: Guarantee = "exactly-once"
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Partition → first offset of the range, and the one after its last."""
    samples: dict[str, list[Offender]] = field(default_factory=dict)
    """The first offenders of each kind that has any, by the names in `MEANING`."""
    held_back: dict[str, dict[int, int]] = field(default_factory=dict)
    """If anything is lost: topic of answers → partition → the offset from which on a transaction
    that is open keeps committed answers from being read."""

    @property
    def wrong(self) -> dict[str, int]:
        """What breaks the guarantee, with its count; empty if nothing does."""
        allowed = {"duplicated"} if self.guarantee == "at-least-once" else set()
        return {
            name: count
            for name in MEANING
            if name not in allowed and (count := getattr(self, name))
        }

    def as_json(self) -> dict[str, Any]:
        """For `--json`: all counts, the verdict, the range and the offenders."""
        value = asdict(self)
        value["spans"] = {str(partition): span for partition, span in self.spans.items()}
        value["samples"] = {
            name: [_named(offender) for offender in found] for name, found in self.samples.items()
        }
        value["held_back"] = {
            topic: {str(partition): offset for partition, offset in offsets.items()}
            for topic, offsets in self.held_back.items()
        }
        return {"sound": not self.wrong} | value


def _named(offender: Offender) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if offender.window is not None:
        named["window"] = offender.window._asdict()
    if offender.answer is not None:
        named[offender.kind.replace(" ", "_")] = offender.answer._asdict()
    return named
