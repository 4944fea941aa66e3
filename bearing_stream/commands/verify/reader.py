"""Read the three topics into a ledger, and wait for results that are not committed yet."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final

from confluent_kafka import Message as Polled
from pydantic import ValidationError

from bearing_stream.commands.verify.fingerprints import (
    Claim,
    content,
    diagnosis_event,
    has_error_headers,
    headers_of,
    possible_originals,
    stubbed_value_of,
    value_of,
    window_identity,
)
from bearing_stream.commands.verify.ledger import Ledger
from bearing_stream.commands.verify.report import Report
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.kafka import FatalKafkaError, Span, Spans, TopicReader
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import read_error_headers

POLL_INTERVAL: Final = 0.5
"""Seconds between two reads of further results."""

PROGRESS_STEP: Final = 1000
"""Messages between two reports of progress."""

ReportProgress = Callable[[str, int, int], None]
"""Called with a topic, the number of its messages read, and the number of offsets to read."""


def verify(settings: VerifySettings, report_progress: ReportProgress = lambda *_: None) -> Report:
    """Check that every window of the range has exactly one result.

    A diagnosis counts for the window at the offset that it names only if that window has the
    source, id and sensor that it names; a dead letter, only if it holds that message. A result of a
    window outside the range cannot be checked, and is counted separately.

    Args:
        settings: The topics, the range, and how long to wait.
        report_progress: Called while a topic is read.

    Raises:
        FatalKafkaError: A topic cannot be read, or the range names a partition that does not
            exist.
    """
    started = time.monotonic()
    properties = settings.client_properties()
    topics = settings.windows_topic, settings.diagnoses_topic, settings.dead_letters_topic
    with ExitStack() as stack:
        windows, diagnoses, dead_letters = (
            stack.enter_context(TopicReader(properties, topic)) for topic in topics
        )
        ledger = Ledger(chosen_spans(settings, windows), settings.samples)
        for message in _with_progress(windows, ledger.spans, report_progress):
            _add_window(ledger, message)
        results = _ResultTopics(settings, ledger, windows, diagnoses, dead_letters)
        results.catch_up(report_progress)
        latest = time.monotonic()
        while ledger.pending and time.monotonic() - latest < settings.settle:
            before = ledger.pending
            time.sleep(POLL_INTERVAL)
            results.catch_up(report_progress)
            if ledger.pending < before:
                latest = time.monotonic()
        held_back = results.held_back() if ledger.pending else {}
    seconds = round(time.monotonic() - started, 3)
    return ledger.report(settings.guarantee, results.deleted, seconds, held_back, results.groups)


def chosen_spans(settings: VerifySettings, windows: TopicReader) -> Spans:
    """Return the range in offsets, within what the topic holds.

    Raises:
        FatalKafkaError: The topic cannot be read, has no such partition, or ends before the range.
    """
    spans = windows.spans()
    for partition in settings.from_offset.keys() | settings.to_offset.keys():
        if partition not in spans:
            raise FatalKafkaError(
                f"'{windows.topic}' has no partition {partition}; it has {len(spans)}, from 0"
            )
    for partition, offset in settings.from_offset.items():
        if offset > spans[partition].end:
            raise FatalKafkaError(
                f"--from-offset {partition}={offset} is beyond the end of '{windows.topic}', "
                f"{spans[partition].end} there: nothing would be checked"
            )
    chosen = {}
    timed = windows.between(spans, settings.since, settings.until)
    for partition, (start, end) in timed.items():
        start = max(start, settings.from_offset.get(partition, 0))
        chosen[partition] = Span(
            start, max(start, min(end, settings.to_offset.get(partition, end)))
        )
    return chosen


class _ResultTopics:
    """The topics of diagnoses and dead letters, and how far each is in the ledger."""

    def __init__(
        self,
        settings: VerifySettings,
        ledger: Ledger,
        windows: TopicReader,
        diagnoses: TopicReader,
        dead_letters: TopicReader,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._windows = windows
        self._topics = (
            (diagnoses, self._add_diagnosis),
            (dead_letters, self._add_dead_letter),
        )
        self._next: dict[tuple[str, int], int] = {}
        self.deleted = 0
        """Offsets of results that retention has deleted."""
        self.groups: set[str] = set()
        """Consumer groups that wrote dead letters of these windows."""
        for reader, _ in self._topics:
            self._seek_to_start(reader)

    def catch_up(self, report_progress: ReportProgress) -> None:
        """Add every result that is committed by now."""
        spans = [
            {
                partition: Span(self._next.get((reader.topic, partition), 0), span.end)
                for partition, span in reader.spans().items()
            }
            for reader, _ in self._topics
        ]
        # After the ends of the results were read: the windows topic then holds every window that
        # has one of these results.
        self._ledger.set_topic_spans(self._windows.spans())
        for (reader, add), of_topic in zip(self._topics, spans, strict=True):
            for message in _with_progress(reader, of_topic, report_progress):
                add(message)
            for partition, span in of_topic.items():
                self._next[reader.topic, partition] = span.end

    def held_back(self) -> dict[str, dict[int, int]]:
        """Return by topic and partition the offset at which an open transaction begins.

        Nothing beyond that offset can be read.
        """
        found: dict[str, dict[int, int]] = {}
        properties = self._settings.client_properties()
        for reader, _ in self._topics:
            with TopicReader(properties, reader.topic, "read_uncommitted") as written:
                ends, settled = written.spans(), reader.spans()
            offsets = {
                partition: span.end
                for partition, span in settled.items()
                if span.end < ends[partition].end
            }
            if offsets:
                found[reader.topic] = offsets
        return found

    def _seek_to_start(self, reader: TopicReader) -> None:
        since = self._settings.since
        if since is not None:
            since -= timedelta(seconds=self._settings.clock_tolerance)
        offsets = _offsets_at(reader, since)
        for partition, (start, end) in reader.spans().items():
            self.deleted += start
            first = offsets.get(partition, start)
            self._next[reader.topic, partition] = max(start, end if first is None else first)

    def _add_diagnosis(self, message: Polled) -> None:
        record = RecordId.of(message)
        try:
            claim = Claim.model_validate_json(message.value() or b"")
        except ValidationError:
            self._ledger.add_unreadable("diagnosis", record)
            return
        if claim.input.topic != self._settings.windows_topic:
            self._ledger.add_out_of_scope("elsewhere")
        elif self._settings.model_version not in (None, claim.model.version):
            self._ledger.add_out_of_scope("other_models")
        else:
            event = diagnosis_event(headers_of(message))
            self._ledger.add_diagnosis(
                record, claim.window(), claim.identity(), event, claim.sensor
            )

    def _add_dead_letter(self, message: Polled) -> None:
        headers = headers_of(message)
        error = read_error_headers(headers)
        origin = error.origin
        if origin is None:
            self._ledger.add_unreadable("dead letter", RecordId.of(message))
        elif origin.topic != self._settings.windows_topic:
            self._ledger.add_out_of_scope("elsewhere")
        else:
            if error.group:
                self.groups.add(error.group)
            contents = possible_originals(message, headers)
            window = RecordId(origin.partition, origin.offset)
            stubbed = stubbed_value_of(headers)
            self._ledger.add_dead_letter(RecordId.of(message), window, contents, stubbed)


def _add_window(ledger: Ledger, message: Polled) -> None:
    headers = headers_of(message)
    ledger.add_window(
        RecordId.of(message),
        window_identity(headers),
        content(message, headers),
        value_of(message),
        has_error_headers=has_error_headers(headers),
    )


def _offsets_at(reader: TopicReader, moment: datetime | None) -> dict[int, int | None]:
    return {} if moment is None else reader.offsets_at(round(moment.timestamp() * 1000))


def _with_progress(
    reader: TopicReader, spans: Spans, report_progress: ReportProgress
) -> Iterator[Polled]:
    total = sum(span.end - span.start for span in spans.values())
    for done, message in enumerate(reader.read(spans)):
        if done % PROGRESS_STEP == 0:
            report_progress(reader.topic, done, total)
        yield message
    if total:
        report_progress(reader.topic, total, total)
