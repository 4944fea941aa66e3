"""The reference of what the consumer logs: its events and its counts, made from the code."""

from importlib import import_module
from importlib.util import find_spec

from consumer.metrics import Metrics
from tools.docs.docstrings import attribute_docstrings, table

EVENTS_MODULE = "consumer.events"


def event_list() -> str:
    """Return a Markdown table of the events: name, level, what it means, what to do."""
    if find_spec(EVENTS_MODULE) is None:
        return "The consumer of this version has no list of events.\n"
    events = import_module(EVENTS_MODULE).EVENTS
    return table(
        ("event", "level", "meaning", "what to do"),
        [(f"`{event.name}`", event.level, event.meaning, event.action) for event in events],
    )


def metric_list() -> str:
    """Return a Markdown table of the counts in the periodic log line."""
    texts = attribute_docstrings(Metrics)
    return table(("count", "meaning"), [(f"`{name}`", text) for name, text in texts.items()])
