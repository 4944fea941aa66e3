"""When alarms are raised and cleared: by kind, class of machines and sensor.

`rules_file` reads them from TOML. Durations are integers in microseconds here, as event time is.
"""

import re
from fnmatch import fnmatchcase
from functools import cached_property
from math import inf
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from bearing_stream.wire.alarm_terms import MACHINE_KINDS, SEVERITIES, AlarmKind, Severity
from bearing_stream.wire.measurement import Unit

UNITS: Final = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
UNITS["d"] = 24 * UNITS["h"]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")

SECOND, MINUTE, HOUR = UNITS["s"], UNITS["m"], UNITS["h"]


def _microseconds(value: Any) -> Any:
    """Return a duration such as `250ms`, `5s`, `10m`, `8h` or `1d` in microseconds."""
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        duration = float(found[1]) * UNITS[found[2]]
        if duration > 366 * UNITS["d"]:
            raise ValueError(f"expected a duration of at most 366d, got {value!r}")
        return round(duration)
    raise ValueError(f"expected a duration such as '250ms', '5s', '8h' or '1d', got {value!r}")


def _at_least_a_second(duration: int) -> int:
    if duration < UNITS["s"]:
        raise ValueError("expected at least 1s")
    return duration


Duration = Annotated[int, BeforeValidator(_microseconds)]
"""Microseconds; in the file a text with a unit."""

Level = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


class EvidenceRule(_Table):
    """What is accumulated over the last windows of a sensor."""

    windows: Annotated[int, Field(strict=True, ge=1, le=256)] = 16
    """Windows over which evidence is accumulated: 16 are 2.7 s. A measurement counts as many
    windows as it has, up to this number."""
    lateness: Duration = 5 * SECOND
    """A measurement may be older than the sensor's latest by this much and still count as evidence.
    One that is older still, or whose time is among the evidence, is counted and has no effect."""
    clock_reset: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 16
    """After this many measurements in a row that are too late the sensor's clock is taken to have
    been set back: evidence and delays begin anew, alarms keep their state."""
    learn: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 512
    """Windows without an alarm of the machine that make up the sensor's reference RMS."""
    running_rms: Level = 0.0
    """RMS below which the machine is off: its measurements are no evidence, and its alarms are
    masked. 0 if not known."""
    unit: Unit | None = None
    """Expected unit of the samples; another one is the quality flag `wrong-unit`. Any if absent."""


class KindRule(_Table):
    """What every kind of alarm has."""

    enabled: StrictBool = True
    """Whether alarms of this kind are raised. One that is active clears when it is disabled."""
    raise_level: Level = Field(0.7, alias="raise")
    """Level from which the condition holds."""
    clear_level: Level = Field(0.3, alias="clear")
    """Level up to which the condition is absent; below `raise`. Between the two nothing changes."""
    agree: Annotated[int, Field(strict=True, ge=1, le=256)] = 8
    """Of the last `evidence.windows` windows, so many must show the condition each for itself (k of
    n); so many must be usable before an alarm is cleared."""
    on_delay: Duration = SECOND
    """Event time for which the condition must hold before the alarm is raised."""
    off_delay: Duration = 60 * SECOND
    """Event time for which the condition must be absent before the alarm is cleared, and for which
    another part, indicator or flag must stand out before the alarm names it."""
    severity: Severity = Severity.MEDIUM
    """Severity when the condition just holds."""
    confident: Level = 0.99
    """Level from which the severity is one higher."""
    trend: Positive = 2.0
    """RMS, as a multiple of the sensor's reference, from which the severity is one higher."""
    latch: StrictBool = True
    """Whether the alarm stays displayed after it cleared until it is acknowledged."""
    masked_by: tuple[AlarmKind, ...] = ()
    """Kinds that hide it while they are active on the same sensor, unless an operator has put them
    aside (shelved, suppressed or out of service)."""
    realarm_time: Duration = 8 * HOUR
    """An alarm that is still active after this event time must be acknowledged again; 0s: never."""
    realarm_count: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    """How often, at most, between raise and clear."""
    chatter_count: Annotated[int, Field(strict=True, ge=2, le=16)] = 6
    """Flap detection: so many raises and clears within `chatter_period` are chattering."""
    chatter_period: Duration = 30 * MINUTE
    """A chattering alarm stays active until the condition has been absent for this long. One of
    `sensor-silent` hides no other meanwhile, and its sensor counts as silent."""
    max_shelve: Duration = 24 * HOUR
    """Longest shelving."""

    highest: ClassVar[float] = 1.0
    """The highest level that there can be."""

    @property
    def rank(self) -> int:
        """Index of the severity, 0 for the lowest."""
        return SEVERITIES.index(self.severity)

    @model_validator(mode="after")
    def _check_deadband(self) -> Self:
        if self.clear_level >= self.raise_level:
            raise ValueError(
                f"expected clear below raise, got clear = {self.clear_level} and "
                f"raise = {self.raise_level}"
            )
        if self.raise_level > self.highest:
            raise ValueError(
                f"expected raise of at most {self.highest:g}, the highest level of this kind, got "
                f"{self.raise_level}; to raise none, set enabled = false"
            )
        return self


class BearingFaultRule(KindRule):
    """The level is the probability of any fault, from the mean of log-probabilities."""

    masked_by: tuple[AlarmKind, ...] = (AlarmKind.SENSOR_SILENT,)


class MachineChangedRule(KindRule):
    """The level is the probability of any fault where no line names a part; 1 of a novel window."""

    on_delay: Duration = 5 * SECOND
    severity: Severity = Severity.LOW
    masked_by: tuple[AlarmKind, ...] = (AlarmKind.BEARING_FAULT, AlarmKind.SENSOR_SILENT)


class Limits(_Table):
    """Limits of the condition indicators; an indicator without one raises nothing."""

    rms: Positive | None = None
    """In the unit of the samples."""
    peak: Positive | None = None
    """In the unit of the samples."""
    crest_factor: Positive | None = None
    kurtosis: Positive | None = None
    velocity_rms: Positive | None = 7.1
    """In mm/s. The default is the limit between the zones C and D of ISO 20816-3 for machines above
    300 kW on a rigid foundation."""


class IndicatorHighRule(KindRule):
    """The level is the geometric mean of an indicator over its limit; the highest counts."""

    highest: ClassVar[float] = inf
    raise_level: Level = Field(1.0, alias="raise")
    clear_level: Level = Field(0.9, alias="clear")
    on_delay: Duration = 5 * SECOND
    confident: Level = 1.5
    masked_by: tuple[AlarmKind, ...] = (
        AlarmKind.BEARING_FAULT,
        AlarmKind.MACHINE_CHANGED,
        AlarmKind.SENSOR_SILENT,
    )
    limits: Limits = Limits()
    rms_times: Level = 0.0
    """Limit of the RMS as a multiple of the sensor's reference; 0: none."""

    @cached_property
    def given(self) -> tuple[tuple[str, float], ...]:
        """The indicators that have a limit, with it."""
        found = self.limits.model_dump(exclude_none=True)
        return tuple((name, float(value)) for name, value in found.items())


class SensorSilentRule(KindRule):
    """By the wall clock: no diagnosis arrives. There are no levels and no delays but `timeout`."""

    timeout: Annotated[Duration, AfterValidator(_at_least_a_second)] = 60 * SECOND
    """Without a diagnosis for this long, the sensor is silent."""
    first_seen: StrictBool = False
    """Whether the first diagnosis of a sensor is an event, `first-seen`."""
    latch: StrictBool = False


class SensorQualityRule(KindRule):
    """The level is the share of the last windows that have the flag; the most frequent counts."""

    raise_level: Level = Field(0.5, alias="raise")
    clear_level: Level = Field(0.1, alias="clear")
    on_delay: Duration = 10 * SECOND
    severity: Severity = Severity.LOW
    confident: Level = 2.0
    masked_by: tuple[AlarmKind, ...] = (AlarmKind.SENSOR_SILENT,)


class UnknownMachineRule(KindRule):
    """The level is the share of the last windows that have the flag."""

    on_delay: Duration = 10 * SECOND
    off_delay: Duration = 10 * SECOND
    severity: Severity = Severity.LOW
    confident: Level = 2.0
    latch: StrictBool = False
    masked_by: tuple[AlarmKind, ...] = (AlarmKind.SENSOR_SILENT,)


class SensorRules(_Table):
    """The rules of one sensor."""

    evidence: EvidenceRule = EvidenceRule()
    bearing_fault: BearingFaultRule = Field(BearingFaultRule(), alias="bearing-fault")
    machine_changed: MachineChangedRule = Field(MachineChangedRule(), alias="machine-changed")
    indicator_high: IndicatorHighRule = Field(IndicatorHighRule(), alias="indicator-high")
    sensor_silent: SensorSilentRule = Field(SensorSilentRule(), alias="sensor-silent")
    sensor_quality: SensorQualityRule = Field(SensorQualityRule(), alias="sensor-quality")
    unknown_machine: UnknownMachineRule = Field(UnknownMachineRule(), alias="unknown-machine")

    @cached_property
    def kinds(self) -> dict[AlarmKind, KindRule]:
        """The rule of each kind, in the order in which kinds are evaluated."""
        return {kind: getattr(self, kind.value.replace("-", "_")) for kind in AlarmKind}

    def _maskers(self, kind: AlarmKind) -> set[AlarmKind]:
        """Return the kinds that mask a kind, or one that masks it, and so on."""
        found: set[AlarmKind] = set()
        left = [kind]
        while left:
            new = set(self.kinds[left.pop()].masked_by) - found
            found |= new
            left += new
        return found

    @model_validator(mode="after")
    def _check_masks(self) -> Self:
        for kind, rule in self.kinds.items():
            if kind in rule.masked_by:
                raise ValueError(f"{kind}: masked_by names the kind itself")
            for other in rule.masked_by:
                if kind in self._maskers(other):
                    raise ValueError(
                        f"{kind}: expected masked_by to lead to no circle, got {other}, which "
                        f"{kind} masks in turn: both would be hidden"
                    )
            if kind not in MACHINE_KINDS and set(rule.masked_by) & set(MACHINE_KINDS):
                raise ValueError(
                    f"{kind}: masked_by names an alarm of the machine, which must not hide one of "
                    "the instrument"
                )
            # Silence is no matter of windows.
            if kind is not AlarmKind.SENSOR_SILENT and rule.agree > self.evidence.windows:
                raise ValueError(
                    f"{kind}: expected agree of at most evidence.windows, got {rule.agree} of "
                    f"{self.evidence.windows} windows"
                )
        return self


class Row(_Table):
    """Which sensors a row of the file is for."""

    source: str = "*"
    sensor: str = "*"

    def matches(self, source: str, sensor: str) -> bool:
        """Whether the row is for a sensor; patterns as `fnmatch.fnmatchcase` has them."""
        return fnmatchcase(source, self.source) and fnmatchcase(sensor, self.sensor)


class Rules:
    """All rules: those of each row, and those of sensors that no row is for.

    Attributes:
        digest: Of the content; equal for equal rules.
    """

    def __init__(
        self,
        default: SensorRules | None = None,
        rows: tuple[tuple[Row, SensorRules], ...] = (),
        digest: str = "default",
    ) -> None:
        self._default = default or SensorRules()
        self._rows = rows
        self.digest = digest

    @property
    def _all(self) -> tuple[SensorRules, ...]:
        return (self._default, *(rules for _, rules in self._rows))

    @property
    def shortest_timeout(self) -> int:
        """The shortest `sensor-silent.timeout`, in µs."""
        return min(each.sensor_silent.timeout for each in self._all)

    @property
    def disables_silence(self) -> bool:
        """Whether some sensor has no alarm of silence."""
        return not all(each.sensor_silent.enabled for each in self._all)

    def of(self, source: str, sensor: str) -> SensorRules:
        """Return the rules of the first row that matches, else the default."""
        found = (rules for row, rules in self._rows if row.matches(source, sensor))
        return next(found, self._default)
