"""Reads the three topics into the books, and waits for answers that are still to come."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final

from confluent_kafka import Message
from pydantic import ValidationError

from bearing_stream.commands.verify.evidence import (
    Claim,
    content,
    diagnosis_event,
    headers_of,
    is_marked,
    original_place,
    place_of,
    possible_originals,
    window_identity,
)
from bearing_stream.commands.verify.ledger import Ledger
from bearing_stream.commands.verify.report import Report
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.kafka import FatalKafkaError, Span, Spans, TopicReader

LOOK_PAUSE: Final = 0.5
"""Seconds between two looks for further answers."""

STEP: Final = 1000
"""Offsets between two words on the progress."""

Progress = Callable[[str, int, int], None]
"""Told a topic, how many of its offsets are read, and how many there are to read."""


def verify(settings: VerifySettings, progress: Progress = lambda *_: None) -> Report:
    """Check that every window of the range was answered once.

    Nothing is taken on trust from the consumer: a diagnosis counts for the window that stands
    where it says, if that has the source, id and sensor that it names; a dead letter, if it holds
    that message. Only an answer to what is outside the range is believed to be one.

    Args:
        settings: Where the topics are, the range, and how long to wait.
        progress: Told how far the reading is.

    Raises:
        FatalKafkaError: A topic cannot be read, or the range names a partition that is not there.
    """
    begun = time.monotonic()
    properties = settings.client_properties()
    with ExitStack() as stack:
        windows, diagnoses, dead_letters = (
            stack.enter_context(TopicReader(properties, topic))
            for topic in (
                settings.windows_topic,
                settings.diagnoses_topic,
                settings.dead_letters_topic,
            )
        )
        ledger = Ledger(chosen_spans(settings, windows), settings.samples)
        for message in _with_progress(windows, ledger.spans, progress):
            headers = headers_of(message)
            ledger.window(
                place_of(message),
                window_identity(headers),
                content(message, headers),
                marked=is_marked(headers),
            )
        answers = _Answers(settings, ledger, windows, diagnoses, dead_letters)
        answers.catch_up(progress)
        latest = time.monotonic()
        while ledger.unanswered and time.monotonic() - latest < settings.settle:
            before = ledger.unanswered
            time.sleep(LOOK_PAUSE)
            answers.catch_up(progress)
            if ledger.unanswered < before:
                latest = time.monotonic()
        held_back = answers.held_back() if ledger.unanswered else {}
    seconds = round(time.monotonic() - begun, 3)
    return ledger.report(settings.guarantee, answers.deleted, seconds, held_back)


def chosen_spans(settings: VerifySettings, windows: TopicReader) -> Spans:
    """The range in offsets, within what the topic holds.

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
    since = _offsets_at(windows, settings.since)
    until = _offsets_at(windows, settings.until)
    chosen = {}
    for partition, (start, end) in spans.items():
        # None: no message is of that time or later.
        first = since.get(partition, start)
        last = until.get(partition)
        start = max(start, end if first is None else first, settings.from_offset.get(partition, 0))
        end = min(end, end if last is None else last, settings.to_offset.get(partition, end))
        chosen[partition] = Span(start, max(start, end))
    return chosen


class _Answers:
    """Both topics of answers: what of them is in the books already, and what came since."""

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
            (diagnoses, self._enter_diagnosis),
            (dead_letters, self._enter_dead_letter),
        )
        self._next: dict[tuple[str, int], int] = {}
        self.deleted = 0
        """Offsets of answers that are gone by retention."""
        for reader, _ in self._topics:
            self._begin(reader)

    def catch_up(self, progress: Progress) -> None:
        """Enter every answer that is committed by now."""
        spans = [
            {
                partition: Span(self._next.get((reader.topic, partition), 0), span.end)
                for partition, span in reader.spans().items()
            }
            for reader, _ in self._topics
        ]
        # Only after that: what is answered by now, the windows topic holds now.
        self._ledger.exists(self._windows.spans())
        for (reader, enter), of_topic in zip(self._topics, spans, strict=True):
            for message in _with_progress(reader, of_topic, progress):
                enter(message)
            for partition, span in of_topic.items():
                self._next[reader.topic, partition] = span.end

    def held_back(self) -> dict[str, dict[int, int]]:
        """By topic and partition, where a transaction is open: nothing behind it can be read."""
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

    def _begin(self, reader: TopicReader) -> None:
        since = self._settings.since
        if since is not None:
            since -= timedelta(seconds=self._settings.clock_tolerance)
        at = _offsets_at(reader, since)
        for partition, (start, end) in reader.spans().items():
            self.deleted += start
            first = at.get(partition, start)
            self._next[reader.topic, partition] = max(start, end if first is None else first)

    def _enter_diagnosis(self, message: Message) -> None:
        at = place_of(message)
        try:
            claim = Claim.model_validate_json(message.value() or b"")
        except ValidationError:
            self._ledger.unreadable("diagnosis", at)
            return
        if claim.input.topic != self._settings.windows_topic:
            self._ledger.set_aside("elsewhere")
        elif self._settings.model_version not in (None, claim.model.version):
            self._ledger.set_aside("other_models")
        else:
            event = diagnosis_event(headers_of(message))
            self._ledger.diagnosis(at, claim.window(), claim.identity(), event, claim.sensor)

    def _enter_dead_letter(self, message: Message) -> None:
        headers = headers_of(message)
        original = original_place(headers)
        if original is None:
            self._ledger.unreadable("dead letter", place_of(message))
        elif original.topic != self._settings.windows_topic:
            self._ledger.set_aside("elsewhere")
        else:
            contents = possible_originals(message, headers)
            self._ledger.dead_letter(place_of(message), original.at, contents)


def _offsets_at(reader: TopicReader, moment: datetime | None) -> dict[int, int | None]:
    return {} if moment is None else reader.offsets_at(round(moment.timestamp() * 1000))


def _with_progress(reader: TopicReader, spans: Spans, progress: Progress) -> Iterator[Message]:
    total = sum(span.end - span.start for span in spans.values())
    for done, message in enumerate(reader.read(spans)):
        if done % STEP == 0:
            progress(reader.topic, done, total)
        yield message
    if total:
        progress(reader.topic, total, total)
