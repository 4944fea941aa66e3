"""The results of the protocol *unseen rig*, as they are stored."""

from pydantic import BaseModel, ConfigDict

from bearing_stream.vocabulary import FaultLabel


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class RigScores(_Part):
    """How the measurements of a rig were diagnosed in one case."""

    measurements: int
    """How many."""
    healthy_faulty: float | None
    """Share of the healthy ones that were diagnosed as faulty."""
    healthy_flagged: float | None
    """Share of the healthy ones whose diagnosis is uncertain."""
    right_flagged: float | None
    """Share of those diagnosed right whose diagnosis is uncertain."""
    recall: dict[FaultLabel, float]
    """Share of each fault's diagnosed right."""
    macro_recall: float | None
    """Mean of these; None where the rig has no fault."""


class ChosenRule(_Part):
    """The rule that was best on the other rigs, and what it does on this one."""

    outer_share: float
    """Share of the outer race's height that is taken from the inner race's."""
    race: float
    """Sigmas above which the line of a race decides."""
    macro_recall_there: float
    """Mean over the other rigs, one window."""
    macro_recall: float | None
    """On this rig, one window."""
    healthy_faulty: float | None
    """On this rig, one window."""


class UnseenRigs(_Part):
    """The results of the protocol."""

    rigs: dict[str, dict[str, RigScores]]
    """Rig → case → scores."""
    chosen: dict[str, ChosenRule]
    """Rig → the rule chosen on the others."""
