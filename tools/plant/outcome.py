"""What the alarms of a bearing are worth: next to its label, and next to its diagnoses."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import NETWORK, Observation
from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from bearing_stream.wire.alarm import PublishedEvent
from bearing_stream.wire.alarm_terms import ANNUNCIATED, AlarmKind, Transition
from tools.plant.diagnosed import diagnose
from tools.plant.life import BEFORE, RECORDED, STEP, Life, live
from tools.plant.recorded import Machine, Part

Alarm = tuple[AlarmKind, str | None]
"""Kind and label."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A bearing that was replayed.

    Args:
        name: Of its recording.
        label: What it has.
        share: Of its windows, those that were diagnosed so.
        predicted: The prediction of most of its windows.
        wanted: The alarm of what it has; None if it is healthy.
        expected: The alarm of what most of its windows were diagnosed as.
        raised: Every time that an alarm is displayed, in order: one that clears and is raised again
            is two, and one that another alarm of the bearing masks is none.
        changed: Other events: `escalated`, `relabelled`, and so on.
        seconds: From the failure to the first raise; None without one.
        false_alarms: Those displayed before the failure, and after the repair.
        active: Alarms that are active at the end, after the repair.
    """

    name: str
    label: FaultLabel
    share: float
    predicted: FaultLabel
    wanted: Alarm | None
    expected: Alarm | None
    raised: tuple[Alarm, ...]
    changed: tuple[str, ...]
    seconds: float | None
    false_alarms: int
    active: int

    @property
    def is_as_diagnosed(self) -> bool:
        """Whether it raised one alarm of what most windows were diagnosed as, or rightly none."""
        return self._is_only(self.expected)

    @property
    def is_right(self) -> bool:
        """Whether it raised one alarm of what it has, or none if it is healthy."""
        return self._is_only(self.wanted)

    def _is_only(self, alarm: Alarm | None) -> bool:
        wanted = () if alarm is None else (alarm,)
        return self.raised == wanted and not self.false_alarms and not self.active


def outcomes(machine: Machine, engine: Engine) -> Iterator[Outcome]:
    """Replay the bearings of a machine, the healthy one first, into an engine.

    A faulty bearing is healthy at first, and after its repair, as the healthy recording of the
    nearest speed.
    """
    diagnosed = {part.name: diagnose(part, machine.assessor) for part in machine.healthy}
    for part in (*machine.healthy, *machine.faulty):
        usual = diagnosed[_nearest(machine.healthy, part).name]
        own = diagnosed.get(part.name) or diagnose(part, machine.assessor)
        sensor = "-".join((machine.rig, machine.method, part.name))
        healthy = own if part.label == "Normal" else usual
        yield _outcome(part, own, live(engine, sensor, healthy, own))


def _nearest(healthy: Sequence[Part], part: Part) -> Part:
    return min(healthy, key=lambda each: abs((each.rpm or 0.0) - (part.rpm or 0.0)))


def _outcome(part: Part, own: Sequence[Observation], life: Life) -> Outcome:
    labels = [_label(seen) for seen in own]
    ((predicted, _),) = Counter(labels).most_common(1)
    raised = [(at, event) for at, event in life.events if _is_displayed(event)]
    counts = Counter(event.event for _, event in life.events)
    during = [at for at, _ in raised if BEFORE <= at < BEFORE + RECORDED]
    return Outcome(
        name=part.name,
        label=part.label,
        share=labels.count(part.label) / len(labels),
        predicted=predicted,
        wanted=_alarm_of(part.label, own),
        expected=_alarm_of(predicted, own),
        raised=tuple((event.kind, event.label) for _, event in raised),
        changed=tuple(_changes(life)),
        seconds=(during[0] - BEFORE) * STEP / 1e6 if during else None,
        false_alarms=len(raised) - len(during),
        active=counts[Transition.RAISED] - counts[Transition.CLEARED],
    )


def _label(seen: Observation) -> FaultLabel:
    return FAULT_LABELS[seen.logs.index(max(seen.logs))]


def _alarm_of(label: FaultLabel, own: Iterable[Observation]) -> Alarm | None:
    """Return the alarm of a label; what physics calls Ball, by exclusion, is a change."""
    if label == "Normal":
        return None
    by_network = [seen.mask >> NETWORK & 1 for seen in own if _label(seen) == label]
    if label == "Ball" and 2 * sum(by_network) < len(by_network):
        return AlarmKind.MACHINE_CHANGED, None
    return AlarmKind.BEARING_FAULT, label


def _is_displayed(event: PublishedEvent) -> bool:
    return event.event in (Transition.RAISED, Transition.UNMASKED) and event.state in ANNUNCIATED


def _changes(life: Life) -> Iterator[str]:
    for _, event in life.events:
        if event.event not in (Transition.RAISED, Transition.CLEARED):
            yield event.event
