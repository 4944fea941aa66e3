"""Takes the values of the metrics that only the stage of alarms has."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import ClassVar, Final, NamedTuple

from bearing_stream.commands.alarms.stage import listed
from bearing_stream.commands.alarms.stage.figures import AlarmFigures
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from bearing_stream.commands.alarms.stage.standing import Condition
from bearing_stream.observability import Metric, Reading
from bearing_stream.wire.alarm_terms import AlarmKind, Severity, Transition
from consumer.telemetry.listed import LOOP_METRICS
from consumer.telemetry.loop_readings import LoopSources, labelled

REASONS: Final = (
    *("replayed", "duplicate", "late", "reordered", "clock-reset", "untracked", "unknown-alarm"),
    *("unreadable", "unreadable-command"),
)
"""Why input had no effect."""


class State(NamedTuple):
    """The state of a partition, as it was committed last.

    Args:
        committed: Offset from which a restart reads.
        records: How many there are.
        bytes: Of their keys and values.
    """

    committed: int
    records: int
    bytes: int


@dataclass(slots=True, kw_only=True)
class AlarmSources(LoopSources):
    """What the readings of the stage are taken from.

    Args:
        figures: What operators have to deal with.
        topic: Of the diagnoses.
        rules: Digest of the rules in use.
        state: Of each partition that is owned.
    """

    exported: ClassVar[tuple[Metric, ...]] = (*listed.ALARM_METRICS, *LOOP_METRICS)

    metrics: AlarmMetrics
    topic: str
    rules: str
    figures: AlarmFigures = field(default_factory=AlarmFigures)
    state: dict[int, State] = field(default_factory=dict)

    def keep(self, partitions: Collection[int]) -> None:
        """Forget the state of all other partitions."""
        for gone in self.state.keys() - set(partitions):
            del self.state[gone]

    def own_readings(self) -> Iterator[Reading]:
        """See `LoopSources`."""
        yield Reading(listed.INFO, (version("bearing-stream"), self.rules), 1)
        yield from _annunciations(self.figures)
        yield from _counts(self.metrics, self.figures)
        yield from _census(self.figures)
        waits, restores = self.figures.acknowledge_seconds, self.figures.restore_seconds
        yield Reading(listed.ACKNOWLEDGE, (), waits.distribution())
        yield Reading(listed.RESTORE, (), restores.distribution())
        # Copied in one step, since the loop may add to it meanwhile.
        state = dict(self.state)
        for number, one in state.items():
            yield Reading(listed.COMMITTED, (self.topic, str(number)), one.committed)
        yield Reading(listed.STATE_RECORDS, (), sum(one.records for one in state.values()))
        yield Reading(listed.STATE_BYTES, (), sum(one.bytes for one in state.values()))


def _annunciations(figures: AlarmFigures) -> Iterator[Reading]:
    yield Reading(listed.ANNUNCIATED, (), figures.annunciated)
    yield Reading(listed.PER_PERIOD, (), figures.per_period())
    yield Reading(listed.FLOOD, (), float(figures.is_flood()))
    yield Reading(listed.FLOOD_SECONDS, (), figures.flood_seconds())


def _counts(metrics: AlarmMetrics, figures: AlarmFigures) -> Iterator[Reading]:
    raised = dict(figures.raised)
    for kind in AlarmKind:
        for severity in Severity:
            # Each begins at 0: a rule sees the first increase only of what was there before.
            count = raised.get((kind, severity), 0)
            yield Reading(listed.RAISED, (kind, severity), count)
    events: Counter[str] = Counter()
    for name, count in dict(metrics.alarm_events).items():
        events[name.rpartition(" ")[2]] += count
    yield from labelled(listed.EVENTS, events, Transition)
    yield from labelled(listed.IGNORED, metrics.ignored, REASONS)
    yield Reading(listed.DIAGNOSES, (), metrics.reflected)


def _census(figures: AlarmFigures) -> Iterator[Reading]:
    found = figures.census()
    for kind in AlarmKind:
        for severity in Severity:
            yield Reading(listed.ACTIVE, (kind, severity), found.active[kind, severity])
    for condition in Condition:
        yield Reading(listed.CONDITIONS, (condition,), found.conditions[condition])
