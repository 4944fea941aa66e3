"""Reads one measurement from the windows topic when a browser asks for it."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from confluent_kafka import Message

from bearing_stream.commands.page import events
from bearing_stream.commands.page.figures import Known, figures
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.kafka import FatalKafkaError, Span, TopicReader, UnreadableBatch
from bearing_stream.wire import Diagnosis, Input, Rejection, decode_measurement, readable_headers
from bearing_stream.wire.headers import ID
from bearing_stream.wire.limits import MeasurementLimits
from model.sensors import Sensors, SensorsError
from model.table_watch import TableWatch

TIMEOUT: Final = 5.0
"""Seconds that Kafka may take for one measurement."""

CACHED: Final = 32
"""Measurements whose figures are kept: several browsers may show the same."""

MAX_WAITING: Final = 16
"""Requests that wait for Kafka at a time."""

ANY: Final = MeasurementLimits(max_samples=2**27)
"""The consumer has diagnosed it, with limits of its own."""


class WindowError(Exception):
    """The measurement cannot be shown; the message states why. `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WindowReader:
    """Reads measurements, one at a time, in a thread of its own."""

    def __init__(self, settings: PageSettings, sensors: Sensors) -> None:
        """Prepare; connects for each measurement.

        Args:
            settings: The connection and the windows topic.
            sensors: The table that has the bearings of the machines, until it changes on disk.
        """
        self._settings = settings
        self._sensors = sensors
        self._watch = TableWatch(settings.sensor_table, sensors)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="windows")
        self._cached: OrderedDict[tuple[Input, str, str], bytes] = OrderedDict()
        self._waiting = 0

    def close(self) -> None:
        """End the thread, without the requests that wait for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def read(self, diagnosis: Diagnosis) -> bytes:
        """Return the `Figures` of the measurement of a diagnosis as JSON.

        Raises:
            WindowError: The measurement is not there, or cannot be read.
        """
        # What is cached is at once there, drawn with the table of the last check.
        self._thread.submit(self._follow_table)
        key = diagnosis.input, diagnosis.window_id, self._sensors.digest
        if key not in self._cached:
            if self._waiting >= MAX_WAITING:
                raise WindowError(503, "Too many measurements are being read; try again")
            self._waiting += 1
            try:
                loop = asyncio.get_running_loop()
                drawn = await loop.run_in_executor(self._thread, self._figures, diagnosis)
            finally:
                self._waiting -= 1
            self._cached[key] = drawn
            if len(self._cached) > CACHED:
                self._cached.popitem(last=False)
        return self._cached[key]

    def _follow_table(self) -> None:
        try:
            changed = self._watch.changed()
        except SensorsError as error:
            events.emit(events.TABLE_INVALID, reason=str(error))
            return
        if changed is not None:
            self._sensors = changed
            events.emit(events.TABLE_CHANGED)

    def _figures(self, diagnosis: Diagnosis) -> bytes:
        message = self._message(diagnosis)
        try:
            attributes, samples = decode_measurement(
                readable_headers(message), message.value(), ANY
            )
        except Rejection as rejection:
            raise WindowError(404, f"It is no measurement: {rejection}") from rejection
        row = self._sensors.row_index(diagnosis.sensor)
        baseline = self._sensors.rows[row].baseline if row >= 0 else None
        stated = diagnosis.evidence.shaft_speed if diagnosis.evidence else attributes.shaft_speed
        known = Known(baseline.orders if baseline else None, stated)
        drawn = figures(samples, attributes.sampling_rate, known)
        return msgspec.json.encode(drawn)

    def _message(self, diagnosis: Diagnosis) -> Message:
        where, topic = diagnosis.input, self._settings.windows_topic
        if where.topic != topic:
            raise WindowError(
                404,
                f"It is in the topic '{where.topic}', and the page reads '{topic}': start it with "
                f"--windows-topic {where.topic}",
            )
        try:
            with TopicReader(self._settings.client_properties(), topic, timeout=TIMEOUT) as reader:
                held = reader.spans().get(where.partition, Span(0, 0))
                # The reader would wait for an offset that the topic does not have yet.
                is_held = held.start <= where.offset < held.end
                wanted = {where.partition: Span(where.offset, where.offset + 1)}
                found = next(reader.read(wanted), None) if is_held else None
        except FatalKafkaError as error:
            raise WindowError(503, str(error)) from error
        place = f"offset {where.offset} of partition {where.partition}"
        if found is None or isinstance(found, UnreadableBatch):
            raise WindowError(404, f"Kafka no longer has it: {place} of '{topic}'")
        identity = dict(readable_headers(found) or ()).get(ID)
        if identity != diagnosis.window_id.encode():
            raise WindowError(404, f"Another measurement is at {place} of '{topic}'")
        return found
