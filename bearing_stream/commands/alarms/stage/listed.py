"""Every metric that only the stage of alarms exports, listed once.

Names are stable; rules and dashboards may depend on them. A sensor is never a label.
"""

from typing import Final

from bearing_stream.commands.alarms.stage.annunciations import FLOOD_ABOVE, FLOOD_ENDS_BELOW
from bearing_stream.observability import Metric

PREFIX: Final = "bearing_stream_alarms_"

NOTHING: Final = "None."

INFO: Final = Metric(
    f"{PREFIX}info",
    "gauge",
    ("version", "rules"),
    "Always 1; `rules` is the digest of the rules in use.",
    "Compare `rules` across instances after a change.",
)

ANNUNCIATED: Final = Metric(
    f"{PREFIX}annunciated_total",
    "counter",
    (),
    "Alarms put before operators: displayed and to be acknowledged, when they are raised, "
    "escalate, are re-alarmed, or are not hidden any more.",
    "About 150 a day are acceptable for an operator, and 300 the most that can be managed (EEMUA "
    "191, ISA-18.2): raise levels and delays of the kinds that are raised most.",
)

PER_PERIOD: Final = Metric(
    f"{PREFIX}annunciated_10m",
    "gauge",
    (),
    "Alarms put before operators in the last 10 minutes.",
    "On average 1 is acceptable for an operator, and 2 the most that can be managed (EEMUA 191, "
    "ISA-18.2).",
)

FLOOD: Final = Metric(
    f"{PREFIX}flood",
    "gauge",
    (),
    f"1 in a flood of alarms, which begins with more than {FLOOD_ABOVE} annunciated in 10 minutes "
    f"and ends with fewer than {FLOOD_ENDS_BELOW} (EEMUA 191); else 0. Of the partitions of this "
    "process.",
    "`bearing-stream alarms list` groups them by machine: the first of a group is the cause, as a "
    "rule.",
)

FLOOD_SECONDS: Final = Metric(
    f"{PREFIX}flood_seconds_total",
    "counter",
    (),
    "Seconds in a flood of alarms; its rate is the share of time in flood.",
    "More than 1 % of the time is too much (ISA-18.2).",
)

RAISED: Final = Metric(
    f"{PREFIX}raised_total",
    "counter",
    ("kind", "severity"),
    "Alarms raised, also those that are hidden from operators, by kind and severity.",
    "Adapt the rules of a kind that is raised often and never acted upon.",
)

EVENTS: Final = Metric(
    f"{PREFIX}events_total",
    "counter",
    ("event",),
    "Events published, by what they report.",
    "If `refused` rises, the events name why commands were refused.",
)

ACTIVE: Final = Metric(
    f"{PREFIX}active",
    "gauge",
    ("kind", "severity"),
    "Alarms that are active now, by kind and severity: the standing alarms of ISA-18.2.",
    NOTHING,
)

CONDITIONS: Final = Metric(
    f"{PREFIX}conditions",
    "gauge",
    ("condition",),
    "Alarms of which a condition holds now; several may: `unacknowledged`, `stale` (active for "
    "more than 24 hours, from event time to now), `chattering`, `masked`, `shelved`, "
    "`suppressed`, `out-of-service`.",
    "`stale`: repair, or shelve with a reason. `chattering`: longer delays. `suppressed` and "
    "`out-of-service` are to be few, and known.",
)

ACKNOWLEDGE: Final = Metric(
    f"{PREFIX}acknowledge_seconds",
    "histogram",
    (),
    "Seconds from when an alarm was put before operators to its acknowledgement.",
    "If it rises, operators get more alarms than they can respond to.",
)

DIAGNOSES: Final = Metric(
    f"{PREFIX}diagnoses_total",
    "counter",
    (),
    "Diagnoses that the committed state reflects. It rises with each checkpoint.",
    "If it stays though diagnoses come, see `rewinding` in the log.",
)

IGNORED: Final = Metric(
    f"{PREFIX}ignored_total",
    "counter",
    ("reason",),
    "Input without effect, by reason: `replayed` (reflected already), `duplicate`, `late`, "
    "`clock-reset`, `untracked` (more than `sensor_limit`), `unknown-alarm`, `unreadable`, "
    "`unreadable-command`; `reordered` is late and counts. What is read again after a restart "
    "counts again.",
    "`late` and `clock-reset`: check the clocks of the sensors. `untracked`: raise `sensor_limit`.",
)

COMMITTED: Final = Metric(
    f"{PREFIX}committed_offset",
    "gauge",
    ("topic", "partition"),
    "Offset of an assigned partition from which a restart reads.",
    NOTHING,
)

STATE_RECORDS: Final = Metric(
    f"{PREFIX}state_records",
    "gauge",
    (),
    "Records of the state in the assigned partitions: one a sensor, and one of commands a "
    "partition.",
    "Near `sensor_limit` in a partition, raise it.",
)

STATE_BYTES: Final = Metric(
    f"{PREFIX}state_bytes",
    "gauge",
    (),
    "Bytes of these records, before compression; the topic holds older ones too until it is "
    "compacted.",
    NOTHING,
)

RESTORE: Final = Metric(
    f"{PREFIX}restore_seconds",
    "histogram",
    (),
    "Seconds to read the state of a partition that was assigned; no alarm is raised there "
    "meanwhile.",
    "If it rises, compaction of the state topic lags: see its `segment.ms`.",
)

ALARM_METRICS: Final = (
    INFO,
    ANNUNCIATED,
    PER_PERIOD,
    FLOOD,
    FLOOD_SECONDS,
    RAISED,
    EVENTS,
    ACTIVE,
    CONDITIONS,
    ACKNOWLEDGE,
    DIAGNOSES,
    IGNORED,
    COMMITTED,
    STATE_RECORDS,
    STATE_BYTES,
    RESTORE,
)
"""What only the stage of alarms exports: what operators have to deal with, then how it works."""
