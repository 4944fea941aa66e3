"""The protocol *unseen rig*: machines that the network never saw, judged as a user would.

A baseline is fitted to the first part of a machine's healthy recordings. Speeds are those that the
recordings state. Nothing is fitted to a fault. Controls change the speed or the bearing's orders,
and a rule chosen on the other rigs shows what the choice of the rule is worth.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.assessor import Assessor, DiagnoserName
from model.diagnoser import Diagnoser
from model.grouping import Grouping
from model.physics.baseline import fit
from model.physics.bearing import BearingOrders
from model.physics.lines import OUTER_SHARE
from model.physics.measurements import measure
from model.physics.rule import Rule, decide
from model.sensors import SensorRow, Sensors
from training.evaluation.rig_result import ChosenRule, RigScores, UnseenRigs
from training.evaluation.rigs import CWRU, HealthyPart, RigRecording

PHYSICS: Final = "physics"
PHYSICS_OF_FOUR: Final = "physics, 4 windows"
NETWORK: Final = "network"
OTHER_SPEED: Final = "physics, baseline of another speed"

_NORMAL: Final = FAULT_LABELS.index("Normal")

SHARES: Final = (OUTER_SHARE, 0.0, 0.5, 1.0)
THRESHOLDS: Final = (2.5, 3.0, 3.5)


@dataclass(frozen=True, slots=True)
class Case:
    """A way to diagnose the recordings of a rig.

    Args:
        name: Of the case.
        windows: Of a measurement.
        speed: Factor of the stated speed; NaN to state none.
        orders: Factor of the bearing's orders.
        diagnoser: What decides.
    """

    name: str
    windows: int = 1
    speed: float = 1.0
    orders: float = 1.0
    diagnoser: DiagnoserName = "auto"


CASES: Final = (
    Case(PHYSICS),
    Case(PHYSICS_OF_FOUR, windows=4),
    Case(NETWORK, diagnoser="network"),
    Case("physics, speed unknown", speed=np.nan),
    *(Case(f"physics, speed x {x:.2f}", speed=x) for x in (0.96, 0.98, 0.99, 1.01, 1.02, 1.04)),
    *(Case(f"physics, orders x {x:.2f}", orders=x) for x in (0.90, 0.93, 1.07, 1.10)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosed:
    """What measurements of one true label were diagnosed as: (n,) each."""

    label: int
    predicted: NDArray[np.int64]
    flagged: NDArray[np.bool_]


def evaluate_rigs(recordings: Sequence[RigRecording]) -> UnseenRigs:
    """Evaluate every case on every rig, and the rules chosen on the others."""
    network = Diagnoser.load(device="cpu")
    rigs = {name: _machines(recordings, name) for name in dict.fromkeys(r.rig for r in recordings)}
    found: dict[str, dict[str, RigScores]] = {}
    for name, machines in rigs.items():
        cases = [case for case in CASES if (name, case.name) != (CWRU, NETWORK)]
        found[name] = {case.name: _scores(_diagnosed(machines, case, network)) for case in cases}
        elsewhere = list(_at_other_speeds(recordings, name, network))
        if elsewhere:
            found[name][OTHER_SPEED] = _scores(elsewhere)
    return UnseenRigs(rigs=found, chosen=_chosen(rigs))


def _machines(recordings: Sequence[RigRecording], rig: str) -> list[HealthyPart]:
    own = [each for each in recordings if each.rig == rig]
    names = dict.fromkeys(each.machine for each in own)
    return [HealthyPart.of([each for each in own if each.machine == name]) for name in names]


def _diagnosed(
    machines: Iterable[HealthyPart], case: Case, network: Diagnoser
) -> Iterator[Diagnosed]:
    """Fit a baseline to each machine, and diagnose what it is tested on."""
    for machine in machines:
        baseline = fit(machine.windows, machine.rpm, _scaled(machine.orders, case.orders))
        table = Sensors((SensorRow("*", baseline),), "")
        assessor = Assessor(network, case.diagnoser, table)
        for recording, first in machine.tested:
            windows = recording.windows(WINDOW_LENGTH)[first:]
            grouping = _grouping(windows, case.windows)
            found = assessor.assess(
                windows[: grouping.counts.sum()],
                np.full(len(grouping), recording.rpm * case.speed),
                [""] * len(grouping),
                grouping.counts,
            )
            predicted = found.probabilities.argmax(axis=1)
            yield Diagnosed(_label(recording), predicted, found.uncertain)


def _at_other_speeds(
    recordings: Sequence[RigRecording], rig: str, network: Diagnoser
) -> Iterator[Diagnosed]:
    """Diagnose the recordings at each speed by baselines of the others, more than 10 % away."""
    own = [each for each in recordings if each.rig == rig]
    for rpm in sorted({each.rpm for each in own if each.healthy}):
        here = [each for each in own if each.healthy and each.rpm == rpm]
        away = [each for each in own if abs(each.rpm / rpm - 1) > 0.1]
        if away and len({each.machine for each in own}) == 1:
            part = HealthyPart.of(here)
            tested = tuple((each, 0) for each in away)
            yield from _diagnosed(
                [dataclasses.replace(part, tested=tested)], Case(OTHER_SPEED), network
            )


def _scores(diagnosed: Iterable[Diagnosed]) -> RigScores:
    parts = list(diagnosed)
    label = np.concatenate([np.full(len(part.predicted), part.label) for part in parts])
    predicted = np.concatenate([part.predicted for part in parts])
    flagged = np.concatenate([part.flagged for part in parts])
    healthy, right = label == _NORMAL, predicted == label
    recall = {
        name: float(right[label == index].mean())
        for index, name in enumerate(FAULT_LABELS)
        if index != _NORMAL and (label == index).any()
    }
    return RigScores(
        measurements=len(label),
        healthy_faulty=_share(predicted[healthy] != _NORMAL),
        healthy_flagged=_share(flagged[healthy]),
        right_flagged=_share(flagged[right]),
        recall=recall,
        macro_recall=fmean(recall.values()) if recall else None,
    )


def _chosen(rigs: Mapping[str, Sequence[HealthyPart]]) -> dict[str, ChosenRule]:
    """Choose a rule for each rig by the mean macro recall on the others."""
    rules = list(product(SHARES, THRESHOLDS))
    scores = {
        name: {rule: _scores(_by_rule(machines, *rule)) for rule in rules}
        for name, machines in rigs.items()
    }
    chosen: dict[str, ChosenRule] = {}
    for name in rigs:
        others = [of_rule for other, of_rule in scores.items() if other != name]
        recalls = {
            rule: [found for of_rule in others if (found := of_rule[rule].macro_recall) is not None]
            for rule in rules
        }
        if not all(recalls.values()):
            continue
        best = max(rules, key=lambda rule: fmean(recalls[rule]))
        chosen[name] = ChosenRule(
            outer_share=best[0],
            race=best[1],
            macro_recall_there=fmean(recalls[best]),
            macro_recall=scores[name][best].macro_recall,
            healthy_faulty=scores[name][best].healthy_faulty,
        )
    return chosen


def _by_rule(
    machines: Iterable[HealthyPart], share: float, threshold: float
) -> Iterator[Diagnosed]:
    for machine in machines:
        baseline = fit(machine.windows, machine.rpm, machine.orders, outer_share=share)
        for recording, first in machine.tested:
            windows = recording.windows(WINDOW_LENGTH)[first:]
            rpm = np.full(len(windows), recording.rpm)
            measured = measure(windows, rpm, baseline, outer_share=share)
            predicted = decide(measured, rule=Rule(race=threshold)).probabilities.argmax(axis=1)
            yield Diagnosed(_label(recording), predicted, np.zeros(len(predicted), np.bool_))


def _grouping(windows: NDArray[np.float32], count: int) -> Grouping:
    """Group windows into measurements of `count`; what is left over is not tested."""
    size = min(count, len(windows))
    return Grouping.every(len(windows) // size * size, size)


def _label(recording: RigRecording) -> int:
    return FAULT_LABELS.index(recording.recording.fault or "Normal")


def _scaled(orders: BearingOrders, factor: float) -> BearingOrders:
    return BearingOrders(
        outer=orders.outer * factor,
        inner=orders.inner * factor,
        ball_spin=orders.ball_spin * factor,
    )


def _share(marks: NDArray[np.bool_]) -> float | None:
    return float(marks.mean()) if len(marks) else None
