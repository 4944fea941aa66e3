"""The reference of what the consumer logs: its events and its counts, made from the code."""

from consumer.events import EVENTS
from consumer.metrics import Metrics
from tools.docs.docstrings import attribute_docstrings, table


def event_list() -> str:
    """Return a Markdown table of the events: name, level, what it means, what to do."""
    return table(
        ("event", "level", "meaning", "what to do"),
        [(f"`{event.name}`", event.level, event.meaning, event.action) for event in EVENTS],
    )


def metric_list() -> str:
    """Return a Markdown table of the counts that the event `report` holds."""
    texts = attribute_docstrings(Metrics)
    return table(("count", "meaning"), [(f"`{name}`", text) for name, text in texts.items()])
