"""The closed lists of alarms: kinds, severities, display states, events and commands.

Terms are those of ISA-18.2 (IEC 62682) and OPC UA Part 9. Later versions may add values; readers
take any text.
"""

from enum import StrEnum
from typing import Final


class AlarmKind(StrEnum):
    """What an alarm is about."""

    BEARING_FAULT = "bearing-fault"
    """A part of the bearing is damaged: a fault line of a race stands out, or a network that was
    trained on the machine names the part."""
    MACHINE_CHANGED = "machine-changed"
    """The spectrum is not that of the healthy machine, and no line names a part of the bearing; or
    the signal is novel to the network that decides."""
    INDICATOR_HIGH = "indicator-high"
    """A condition indicator, such as RMS, kurtosis or velocity, is above its limit."""
    SENSOR_SILENT = "sensor-silent"
    """No diagnosis of the sensor has arrived for longer than its timeout, by the wall clock."""
    SENSOR_QUALITY = "sensor-quality"
    """The signal is defective: clipping, dropouts, jumps, mains hum, or another unit."""
    UNKNOWN_MACHINE = "unknown-machine"
    """There is no baseline of the machine, and no network was trained on it."""

    @property
    def is_machine(self) -> bool:
        """Whether it is about the machine; if not, it is about the instrument."""
        return self in MACHINE_KINDS


MACHINE_KINDS: Final = (
    AlarmKind.BEARING_FAULT,
    AlarmKind.MACHINE_CHANGED,
    AlarmKind.INDICATOR_HIGH,
)
"""The kinds that are about the machine. No alarm about an instrument counts as one of them."""


class Severity(StrEnum):
    """How urgent an alarm is, lowest first; ISA-18.2 names it priority."""

    LOW = "low"
    """For the next inspection."""
    MEDIUM = "medium"
    """For this shift."""
    HIGH = "high"
    """For the next hour."""
    CRITICAL = "critical"
    """At once."""


SEVERITIES: Final = tuple(Severity)
"""In ascending order."""


class DisplayState(StrEnum):
    """The one state that is displayed, derived from the conditions of an alarm.

    The first that applies, in this order. As in JAWS, but that shelving also hides an alarm that
    is about to clear, and that an alarm to be acknowledged stays displayed while its condition
    comes back.
    """

    DISABLED = "disabled"
    """Out of service: nothing is displayed, whatever the machine does."""
    FILTERED = "filtered"
    """Suppressed by an operator until the suppression is removed."""
    MASKED = "masked"
    """Active, and hidden by another alarm of the sensor, or because the machine is off."""
    SHELVED = "shelved"
    """An operator has put the alarm aside until a time, or until it clears."""
    OFF_DELAY = "off-delay"
    """Active, and the condition has ended, but not yet for as long as it must before the alarm is
    cleared."""
    LATCHED = "latched"
    """Raised and not acknowledged: it is displayed until it is acknowledged, even if it clears."""
    ON_DELAY = "on-delay"
    """The condition holds, and has not yet held for as long as it must before the alarm is
    raised."""
    ACTIVE = "active"
    """The condition holds, and the alarm is acknowledged or needs no acknowledgement."""
    NORMAL = "normal"
    """Nothing to display."""


ANNUNCIATED: Final = frozenset({DisplayState.OFF_DELAY, DisplayState.LATCHED, DisplayState.ACTIVE})
"""The display states in which an alarm is shown to operators."""


class Transition(StrEnum):
    """What an event reports: a transition of one alarm."""

    RAISED = "raised"
    """The condition has held for the on-delay."""
    CLEARED = "cleared"
    """The condition has been absent for the off-delay, or data of a silent sensor arrived."""
    ACKNOWLEDGED = "acknowledged"
    """An operator has acknowledged the alarm."""
    ESCALATED = "escalated"
    """The severity rose. The alarm must be acknowledged again."""
    RELABELLED = "relabelled"
    """Another part, indicator or flag has stood out for the off-delay."""
    REALARMED = "realarmed"
    """The alarm is still active after the re-alarm time, and must be acknowledged again."""
    CHATTERING = "chattering"
    """The alarm changed too often; it stays active until it has been clear for the whole period of
    the flap detection."""
    MASKED = "masked"
    """Another alarm of the sensor now hides it, or the machine is off."""
    UNMASKED = "unmasked"
    """Nothing hides the alarm any more, and it is still active."""
    SHELVED = "shelved"
    """An operator has put the alarm aside."""
    UNSHELVED = "unshelved"
    """The shelving was removed, expired, or ended with the alarm for which it was meant."""
    SUPPRESSED = "suppressed"
    """An operator has suppressed the alarm."""
    UNSUPPRESSED = "unsuppressed"
    """The suppression was removed."""
    DISABLED = "disabled"
    """The alarm was taken out of service."""
    ENABLED = "enabled"
    """The alarm was returned to service."""
    REFUSED = "refused"
    """A command was not carried out; `command.detail` states why."""
    FIRST_SEEN = "first-seen"
    """The first diagnosis of a sensor arrived; of `sensor-silent` only, and only with the rule
    `sensor-silent.first_seen`."""


class Action(StrEnum):
    """What a command asks for."""

    ACKNOWLEDGE = "acknowledge"
    """Acknowledge the alarm, if it is no more severe than the command states."""
    SHELVE = "shelve"
    """Put the alarm aside until a time (`until`), or until it clears (`once`)."""
    UNSHELVE = "unshelve"
    """Remove the shelving."""
    SUPPRESS = "suppress"
    """Suppress the alarm until `unsuppress`."""
    UNSUPPRESS = "unsuppress"
    """Remove the suppression."""
    DISABLE = "disable"
    """Take the alarm out of service."""
    ENABLE = "enable"
    """Return the alarm to service."""


class DataState(StrEnum):
    """Whether the sensor measures its machine."""

    LIVE = "live"
    """Diagnoses arrive."""
    OFF = "off"
    """Diagnoses arrive, and the vibration is below that of a running machine."""
    SILENT = "silent"
    """No diagnosis has arrived for longer than the timeout. Alarms keep their state."""
