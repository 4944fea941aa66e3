"""Every event that `bearing-stream alarms notify` logs, listed once."""

from typing import Any, Final

from bearing_stream.logs import Event, log_event
from consumer.events import LIBRARY_MESSAGE, METRICS_SERVED

WAITING: Final = Event(
    "waiting",
    "warning",
    "At the start, the cluster does not respond or a topic does not exist yet, as `reason` states. "
    "It waits for `startup_timeout` seconds.",
    "Start Kafka, or `bearing-stream alarms` with --create-topics.",
)

READY: Final = Event(
    "ready",
    "info",
    "Events from now on reach `receivers`. `settings` are those in effect.",
    "None.",
)

REPORT: Final = Event(
    "report",
    "info",
    "Every `report_interval`, for each `receiver` the counts since the start: `accepted` messages, "
    "`refused` ones, failed `attempts`, and the events that were `omitted` by its filters, "
    "`summarised` beyond its limit, or `unreadable`.",
    "Find out why, where `refused` grows.",
)

FAILED_ATTEMPT: Final = Event(
    "receiver_unavailable",
    "warning",
    "`receiver` did not accept the event of `alarm_id` with the key `key` at the attempt number "
    "`attempt`, for the reason in `reason`. It is tried again after `seconds`, without end; later "
    "events wait in Kafka. Without `alarm_id` it is a summary, or what is sent again regularly.",
    "Correct what `reason` states. A secret that is in a file is read again at each attempt.",
)

RECOVERED: Final = Event(
    "receiver_recovered",
    "info",
    "`receiver` accepts again, after so many `attempts`.",
    "None.",
)

REFUSED: Final = Event(
    "notification_refused",
    "error",
    "`receiver` permanently refuses the event of `alarm_id` with the key `key`, for the reason in "
    "`reason`. It is skipped. Without `alarm_id` it is a summary.",
    "Notify the people meant; correct the receiver, or its templates.",
)

PARTLY_REFUSED: Final = Event(
    "recipients_refused",
    "error",
    "The server of `receiver` permanently refuses the recipients in `reason` for the event of "
    "`alarm_id` with the key `key`. The others have it, and it counts as accepted. Without "
    "`alarm_id` it is a summary.",
    "Notify the people meant; correct `to` of the receiver.",
)

SUMMARISED: Final = Event(
    "notifications_summarised",
    "info",
    "`receiver` was sent one summary of `count` events, which were beyond `per_minute`.",
    "If it is frequent: raise alarms later, or filter more. `alarms history` lists all.",
)

UNREADABLE: Final = Event(
    "unreadable_event",
    "warning",
    "The message at `offset` of `partition` is no event of an alarm, for the reason in `reason`. "
    "It is skipped. Once for a receiver: the metric counts all.",
    "Find out who writes into the topic of events.",
)

KAFKA_ERROR: Final = Event(
    "kafka_error",
    "warning",
    "The Kafka client of `receiver` reports a transient error, in `detail`; each kind is logged "
    "once a minute. Reading goes on by itself.",
    "Check that the brokers are up, if it persists.",
)

STOPPING: Final = Event(
    "stopping",
    "info",
    "The signal `signal` has arrived. Messages in flight are given some seconds.",
    "None.",
)

ABANDONED: Final = Event(
    "deliveries_abandoned",
    "warning",
    "The process ends while `receivers` have not responded. Nothing is committed of what they have "
    "not accepted; it is sent again at the next start, with the same key.",
    "None.",
)

FAILED: Final = Event(
    "failed",
    "error",
    "A fatal error ends the process with status 1; `error` names it and what to do.",
    "Do what `error` advises, then start it again.",
)

STOPPED: Final = Event("stopped", "info", "The process ends.", "None.")

EVENTS: Final = (
    METRICS_SERVED,
    WAITING,
    READY,
    REPORT,
    FAILED_ATTEMPT,
    RECOVERED,
    REFUSED,
    PARTLY_REFUSED,
    SUMMARISED,
    UNREADABLE,
    KAFKA_ERROR,
    STOPPING,
    ABANDONED,
    FAILED,
    STOPPED,
    LIBRARY_MESSAGE,
)
"""All of them."""


def emit(event: Event, **fields: Any) -> None:
    """Log an event at its level, with the fields that its `meaning` names."""
    log_event("notify", event, fields)
