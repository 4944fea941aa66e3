"""The outcome of a check."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, NamedTuple

from bearing_stream.kafka.record_id import RecordId

Guarantee = Literal["exactly-once", "at-least-once"]

ResultKind = Literal["diagnosis", "dead letter"]


class Offender(NamedTuple):
    """A record that violates the guarantee.

    `window` is a record of the windows topic: the lost window, or the one that the result claims.
    `result` is a record of the topic of `kind`; None where there is no result.
    """

    window: RecordId | None
    kind: ResultKind | None = None
    result: RecordId | None = None


VIOLATIONS: Final = {
    "lost": "windows without a result",
    "duplicated": "diagnoses, or dead letters, beyond the first of a window",
    "relabelled": "duplicated diagnoses whose ce_id differs from the first, so that a subscriber "
    "cannot deduplicate them",
    "out_of_order": "diagnoses that follow the diagnosis of a later window of the same sensor",
    "both": "windows that have both a diagnosis and a dead letter",
    "unknown": "results that claim a window which is not at that offset",
    "altered": "dead letters that differ from the original in value, key, headers or timestamp, or "
    "stubs that differ in the length or SHA-256 of the value",
}
"""Every way to violate the guarantee, by the name of its count in `Report`."""

OUT_OF_SCOPE: Final = {
    "before": "results of windows before the range, or deleted since",
    "after": "results of windows after the range",
    "elsewhere": "results of windows of another topic",
    "other_models": "diagnoses by other model versions",
}
"""Results that this check does not judge, by the name of their count in `Report`."""


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of one check; `VIOLATIONS` and `OUT_OF_SCOPE` define most of them.

    `windows`, `diagnosed` and `dead_letters` refer to the range: records of the windows topic, and
    windows that have at least one such result. `deleted_results` is the number of offsets that
    retention has deleted at the beginning of the two topics of results: windows whose result was
    there count as lost. `seconds` is the duration of the check.
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
    deleted_results: int = 0
    seconds: float = 0.0
    groups: tuple[str, ...] = ()
    """Consumer groups whose dead letters were read, sorted. Each group of several that publish to
    the same topics gives every window a result."""
    guarantee: Guarantee = "exactly-once"
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Partition → first offset of the range, and the offset after its last."""
    samples: dict[str, list[Offender]] = field(default_factory=dict)
    """The first offenders of each violation that occurred, by its name in `VIOLATIONS`."""
    held_back: dict[str, dict[int, int]] = field(default_factory=dict)
    """If a window is lost: topic of results → partition → the offset at which an open transaction
    begins. Committed results beyond it cannot be read."""

    @property
    def wrong(self) -> dict[str, int]:
        """Violations of the guarantee that occurred, with their counts; empty if there are none."""
        allowed = {"duplicated"} if self.guarantee == "at-least-once" else set()
        return {
            name: count
            for name in VIOLATIONS
            if name not in allowed and (count := getattr(self, name))
        }

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints: the outcome, all counts, range and offenders."""
        value = asdict(self)
        value["spans"] = {str(partition): span for partition, span in self.spans.items()}
        value["samples"] = {
            name: [_as_json(offender) for offender in offenders]
            for name, offenders in self.samples.items()
        }
        value["held_back"] = {
            topic: {str(partition): offset for partition, offset in offsets.items()}
            for topic, offsets in self.held_back.items()
        }
        return {"sound": not self.wrong} | value


def _as_json(offender: Offender) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if offender.window is not None:
        value["window"] = offender.window._asdict()
    if offender.kind is not None and offender.result is not None:
        value[offender.kind.replace(" ", "_")] = offender.result._asdict()
    return value
