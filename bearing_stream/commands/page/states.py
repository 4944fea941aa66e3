"""The states of a machine and of its instrument, which the page never mixes.

A machine has one state, that of its latest diagnosis. What is wrong with the instrument, or with
what the diagnosis rests on, is a list next to it: then the machine's state is uncertain, and what
the diagnosis names is a hint.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire import Diagnosis

MachineState = Literal["OuterRace", "InnerRace", "Ball", "Changed", "Normal", "Uncertain"]

MACHINE_STATES: Final[dict[MachineState, str]] = {
    "OuterRace": "The lines of a fault of the outer race stand out, or the network names it.",
    "InnerRace": "The lines of a fault of the inner race stand out, or the network names it.",
    "Ball": "The network, which was trained on this machine, names a fault of a rolling element.",
    "Changed": "The machine has changed and no line of a race stands out: diagnosed as a ball "
    "fault, by exclusion.",
    "Normal": "The diagnosis is Normal, with good quality.",
    "Uncertain": "The diagnosis has a quality flag, so that what it names is a hint.",
}
"""State of a machine → what it means."""

InstrumentState = Literal[
    "silent",
    "dropout",
    "clipping",
    "jump",
    "mains-hum",
    "unknown-machine",
    "outside-baseline",
    "novelty",
]

INSTRUMENT_STATES: Final[dict[InstrumentState, str]] = {
    "silent": "No diagnosis for several times the sensor's own interval.",
    "dropout": "The signal holds one level for longer than a vibration can.",
    "clipping": "The signal reaches the end of the sensor's range.",
    "jump": "The level of the signal jumps.",
    "mains-hum": "Most of the signal is at the frequency of the mains.",
    "unknown-machine": "No baseline, and nothing states that the network knows this machine.",
    "outside-baseline": "The baseline does not hold this shaft speed.",
    "novelty": "The signal is unlike those that the network was trained on.",
}
"""State of an instrument, or of what a diagnosis rests on → what it means."""

DEFECTS: Final = frozenset({"silent", "dropout", "clipping"})
"""States in which a sensor shows little of its machine."""

RANKS: Final[tuple[MachineState, ...]] = (
    "Uncertain",
    "Normal",
    "Changed",
    "Ball",
    "InnerRace",
    "OuterRace",
)

LETTERS: Final = "nNucbioUCBIO"
"""Codes of a diagnosis in the strip of a sensor's history, from best to worst: normal, unknown,
changed, ball, inner and outer race; in lower case where the diagnosis is uncertain."""

_LETTER: Final = {
    "Normal": "N",
    "Changed": "C",
    "Ball": "B",
    "InnerRace": "I",
    "OuterRace": "O",
}

assert set(get_args(MachineState)) == set(RANKS)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a diagnosis states of the machine and of the instrument.

    Args:
        machine: State of the machine.
        hint: What the diagnosis names; the same as `machine` unless that is uncertain. A
            prediction that a later version added is passed on.
        flags: Quality flags of the diagnosis, in its order.
    """

    machine: MachineState
    hint: str
    flags: tuple[str, ...]

    @property
    def code(self) -> int:
        """Index of its letter in `LETTERS`."""
        letter = _LETTER.get(self.hint, "U")
        return LETTERS.index(letter if self.machine != "Uncertain" else letter.lower())


def condition(diagnosis: Diagnosis) -> Condition:
    """Return what a diagnosis states."""
    named = diagnosis.prediction
    evidence = diagnosis.evidence
    if named == "Ball" and evidence is not None and evidence.decided_by == "physics":
        # The rule of physics has no line for it: it excludes the races.
        named = "Changed"
    known = named == "Changed" or named in FAULT_LABELS
    if diagnosis.quality != "good" or not known:
        return Condition("Uncertain", named, tuple(diagnosis.reasons))
    machine: MachineState = named  # type: ignore[assignment]  # one of the labels, or `Changed`
    return Condition(machine, named, tuple(diagnosis.reasons))


def rank(found: Condition, silent: bool) -> int:
    """Return how much a sensor needs a person, from 0 to 5; the page lists the highest first.

    5 a fault, 4 a machine that has changed, 3 a sensor that shows little of its machine, 2 an
    uncertain fault, 1 any other uncertain diagnosis, 0 a normal machine. A fault or a change keeps
    its rank when the sensor falls silent: silence resolves nothing.
    """
    if found.machine in ("OuterRace", "InnerRace", "Ball"):
        return 5
    if found.machine == "Changed":
        return 4
    if silent or not DEFECTS.isdisjoint(found.flags):
        return 3
    if found.machine == "Uncertain":
        return 1 if found.hint == "Normal" else 2
    return 0
