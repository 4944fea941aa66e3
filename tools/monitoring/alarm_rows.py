"""What a dashboard shows of alarms: what operators have to deal with, and the stage itself."""

from typing import Final

from tools.monitoring.dashboard import Row
from tools.monitoring.panel import Panel, Query
from tools.monitoring.queries import quantile, rate

OPERATORS: Final = Row(
    "Alarms: what operators have to deal with",
    (
        Panel(
            "Annunciated in 10 minutes",
            "Alarms put before operators. On average 1 is acceptable for one of them; more than 10 "
            "are a flood, until there are fewer than 5 (EEMUA 191, ISA-18.2).",
            (
                Query("sum(bearing_stream_alarms_annunciated_10m{})", "annunciated"),
                Query("max(bearing_stream_alarms_flood{})", "flood"),
            ),
            width=6,
        ),
        Panel(
            "Share of time in flood, of a day",
            "More than 1 % is too much.",
            (Query("max(rate(bearing_stream_alarms_flood_seconds_total{}[1d]))", "in flood"),),
            "percentunit",
            width=4,
        ),
        Panel(
            "Active alarms",
            "By kind, all severities.",
            (Query("sum by (kind) (bearing_stream_alarms_active{})", "{{kind}}"),),
            width=5,
            stacked=True,
        ),
        Panel(
            "Conditions",
            "Stale ones are active for more than a day; chattering, suppressed and out-of-service "
            "ones are to be few.",
            (Query("sum by (condition) (bearing_stream_alarms_conditions{})", "{{condition}}"),),
            width=5,
        ),
        Panel(
            "Time to acknowledge, of a day",
            "From when an alarm is displayed.",
            tuple(
                Query(quantile("alarms_acknowledge_seconds", share, over="1d"), f"p{100 * share:g}")
                for share in (0.5, 0.95)
            ),
            "s",
            width=4,
        ),
    ),
)

STAGE: Final = Row(
    "Alarms: the stage",
    (
        Panel(
            "Raised and annunciated in a day",
            "Raised by kind, hidden ones too; about 150 annunciated a day are acceptable for an "
            "operator.",
            (
                Query(
                    "sum by (kind) (increase(bearing_stream_alarms_raised_total{}[1d]))", "{{kind}}"
                ),
                Query(
                    "sum(increase(bearing_stream_alarms_annunciated_total{}[1d]))", "annunciated"
                ),
            ),
            width=5,
        ),
        Panel(
            "Events a second",
            "By what they report.",
            (Query(rate("alarms_events_total", "event") + " > 0", "{{event}}"),),
            "cps",
            width=5,
        ),
        Panel(
            "Diagnoses a second",
            "Reflected in the committed state; and those without effect, by reason.",
            (
                Query(rate("alarms_diagnoses_total"), "reflected"),
                Query(rate("alarms_ignored_total", "reason") + " > 0", "{{reason}}"),
                Query("sum(deriv(bearing_stream_alarms_committed_offset{}[5m]))", "committed"),
            ),
            "cps",
            width=5,
        ),
        Panel(
            "State",
            "Bytes of its records, before compression.",
            (
                Query("sum(bearing_stream_alarms_state_bytes{})", "bytes"),
                Query("sum(bearing_stream_alarms_state_records{})", "records"),
            ),
            "bytes",
            width=4,
        ),
        Panel(
            "Time to read the state, of a day; instances by rules",
            "Seconds of the slowest partition; instances with different rules disagree.",
            (
                Query(quantile("alarms_restore_seconds", 1, over="1d"), "slowest"),
                Query("count by (rules) (bearing_stream_alarms_info{})", "rules {{rules}}"),
            ),
            width=5,
        ),
    ),
)

NOTIFIER: Final = Row(
    "Alarms: notifications",
    (
        Panel(
            "Lag, the worst receivers",
            "Age of the oldest event that is being sent, or waits for its summary.",
            (
                Query(
                    "topk(10, max by (receiver) (bearing_stream_notify_lag_seconds{}))",
                    "{{receiver}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Messages a second",
            "Accepted and refused ones, and attempts that failed, by receiver.",
            (
                Query(
                    rate("notify_messages_total", "receiver, outcome"), "{{receiver}} {{outcome}}"
                ),
                Query(rate("notify_failed_attempts_total", "receiver"), "{{receiver}} failed"),
            ),
            "cps",
        ),
        Panel(
            "Events without a message of their own, a second; notifiers",
            "Omitted by filters, summarised, unreadable; and processes that notify.",
            (
                Query(rate("notify_events_total", "outcome"), "{{outcome}}"),
                Query("count(bearing_stream_notify_info{})", "notifiers"),
            ),
            "cps",
        ),
    ),
)
