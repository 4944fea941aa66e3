"""The reference of what consumer and HTTP service log, made from the code."""

from collections.abc import Sequence
from typing import Final

from bearing_stream.commands.alarms import events as alarm_events
from bearing_stream.commands.alarms.notify import events as notify_events
from bearing_stream.commands.alarms.notify.listed import NOTIFY_METRICS
from bearing_stream.commands.alarms.stage.listed import ALARM_METRICS
from bearing_stream.commands.page import events as page_events
from bearing_stream.commands.serve import events as serve_events
from bearing_stream.logs import Event
from bearing_stream.observability import Metric
from consumer import events as consumer_events
from consumer.metrics import Metrics
from consumer.telemetry.listed import CONSUMER_METRICS, LOOP_METRICS, SUPERVISOR_METRICS
from tools.docs.docstrings import attribute_docstrings, table

EVENTS: Final[dict[str, Sequence[Event]]] = {
    "consume": consumer_events.EVENTS,
    "page": page_events.EVENTS,
    "serve": serve_events.EVENTS,
    "alarms": alarm_events.EVENTS,
    "notify": notify_events.EVENTS,
}

EXPORTED: Final[dict[str, Sequence[Metric]]] = {
    "stages": LOOP_METRICS,
    "consume": (*CONSUMER_METRICS, *SUPERVISOR_METRICS),
    "alarms": ALARM_METRICS,
    "notify": NOTIFY_METRICS,
}
"""What exports metrics → those that it has; `stages` is what every stage has."""


def event_list(command: str = "consume") -> str:
    """Return a Markdown table of a command's events: name, level, what it means, what to do."""
    return table(
        ("event", "level", "meaning", "what to do"),
        [
            (f"`{event.name}`", event.level, event.meaning, event.action)
            for event in EVENTS[command]
        ],
    )


def metric_list() -> str:
    """Return a Markdown table of the counts that the event `report` holds."""
    texts = attribute_docstrings(Metrics)
    return table(("count", "meaning"), [(f"`{name}`", text) for name, text in texts.items()])


def exported_metrics(command: str) -> str:
    """Return a Markdown table of metrics that are exported: name, type, labels, what to do."""
    return table(
        ("metric", "type", "labels", "meaning", "what to do"),
        [
            (
                f"`{metric.name}`",
                metric.kind,
                ", ".join(f"`{label}`" for label in metric.labels),
                metric.meaning,
                metric.action,
            )
            for metric in EXPORTED[command]
        ],
    )
