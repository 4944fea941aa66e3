"""A span of each batch, for OpenTelemetry (extra `otel`), with links to the traces of its messages.

Names are those of the semantic conventions for messaging, as of 1.45:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.environment_variables import OTEL_SPAN_LINK_COUNT_LIMIT
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
)

from bearing_stream.wire import Headers
from bearing_stream.wire.headers import TRACE_PARENT
from bearing_stream.wire.trace import is_trace_parent
from consumer.telemetry.observers import Published

MOST_LINKS: Final = 32
"""Of a span, unless `OTEL_SPAN_LINK_COUNT_LIMIT` is set. To make and to encode them takes 0.4 ms,
of some 28 ms that a batch of 256 windows takes; the 128 of OpenTelemetry itself take 1.5 ms."""

NANOSECONDS: Final = 1e9
"""In a second."""


class BatchSpans:
    """Makes a span of each batch, from when it was assessed to when its results are committed.

    It has no parent, since a batch has messages of many traces. To each it has a link, up to a
    number; of more, it takes some evenly.
    """

    def __init__(self, tracer: Tracer, topic: str, group: str, most: int | None = None) -> None:
        """Set up.

        Args:
            tracer: Makes the spans.
            topic: That the messages come from.
            group: Of the consumer.
            most: Links of a span; by default `OTEL_SPAN_LINK_COUNT_LIMIT`, or else `MOST_LINKS`.

        Raises:
            ValueError: `OTEL_SPAN_LINK_COUNT_LIMIT` is no number.
        """
        self._tracer = tracer
        self._name = f"process {topic}"
        self._attributes = {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group,
        }
        self._most = _most_links() if most is None else most
        self._uncommitted: list[Span] = []

    def published(self, batch: Published) -> None:
        """See `Observer`."""
        found = chain(
            (one.passed_on for one in batch.measurements),
            (letter.original.headers for letter in batch.letters),
        )
        count = len(batch.measurements) + len(batch.letters)
        span = self._tracer.start_span(
            self._name,
            # Of its own: no span that is current in this thread becomes the parent.
            context=Context(),
            kind=SpanKind.CONSUMER,
            attributes={
                **self._attributes,
                "messaging.batch.message_count": count,
                "bearing_stream.dead_letters": len(batch.letters),
            },
            links=list(self._links(found, count)),
            start_time=round(batch.began * NANOSECONDS),
        )
        span.add_event("published")
        self._uncommitted.append(span)

    def committed(self) -> None:
        """See `Observer`."""
        for span in self._uncommitted:
            span.end()
        self._uncommitted.clear()

    def given_up(self) -> None:
        """See `Observer`."""
        for span in self._uncommitted:
            span.set_attribute("error.type", "aborted")
            span.set_status(StatusCode.ERROR, "not committed; its messages are read again")
            span.end()
        self._uncommitted.clear()

    def _links(self, headers: Iterable[Headers], count: int) -> Iterator[Link]:
        if not self._most:
            return
        taken = islice(headers, 0, None, -(-count // self._most) or 1)
        # Messages that were sent within one span have the same.
        for parent in dict.fromkeys(map(_trace_parent, taken)):
            if parent is not None and is_trace_parent(parent):
                yield Link(_context(parent))


def _most_links() -> int:
    limit = SpanLimits().max_links if os.environ.get(OTEL_SPAN_LINK_COUNT_LIMIT) else None
    return MOST_LINKS if limit is None else limit


def _trace_parent(headers: Headers) -> bytes | None:
    return next((raw for name, raw in headers if name == TRACE_PARENT), None)


def _context(parent: bytes) -> SpanContext:
    """The span that a valid header `traceparent` names."""
    _, trace, span, flags = parent.split(b"-")[:4]
    return SpanContext(int(trace, 16), int(span, 16), True, TraceFlags(int(flags, 16)))
