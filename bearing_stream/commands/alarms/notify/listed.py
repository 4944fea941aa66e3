"""Every metric that only the notifier exports, listed once.

Names are stable; rules and dashboards may depend on them. Receivers are few, and so may be labels.
"""

from typing import Final

from bearing_stream.observability import Metric

PREFIX: Final = "bearing_stream_notify_"

INFO: Final = Metric(
    f"{PREFIX}info",
    "gauge",
    ("version",),
    "Always 1.",
    "If there is none, nobody is notified.",
)

MESSAGES: Final = Metric(
    f"{PREFIX}messages_total",
    "counter",
    ("receiver", "outcome"),
    "Messages, summaries too, that a receiver `accepted`, or permanently `refused`, which are "
    "skipped.",
    "If `refused` rises, `notification_refused` in the log names why.",
)

FAILED_ATTEMPTS: Final = Metric(
    f"{PREFIX}failed_attempts_total",
    "counter",
    ("receiver",),
    "Attempts that a receiver did not accept, and that are repeated.",
    "If it rises, `receiver_unavailable` in the log names why.",
)

EVENTS: Final = Metric(
    f"{PREFIX}events_total",
    "counter",
    ("receiver", "outcome"),
    "Events without a message of their own: `omitted` by the receiver's filters, `summarised` "
    "beyond its limit, or `unreadable`.",
    "If `summarised` rises often, raise alarms later or filter more.",
)

LAG: Final = Metric(
    f"{PREFIX}lag_seconds",
    "gauge",
    ("receiver",),
    "Age of the oldest event that is being sent to a receiver, or waits for its summary; for an "
    "Alertmanager also since when it does not accept what is sent again regularly. 0 if all is "
    "sent, and while Kafka does not respond and no partition is assigned.",
    "If it grows, the receiver is down, or slower than events arrive.",
)

NOTIFY_METRICS: Final = (INFO, MESSAGES, FAILED_ATTEMPTS, EVENTS, LAG)
