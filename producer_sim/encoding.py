"""The messages of one sensor: what they have in common is encoded once."""

from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from bearing_stream.wire import Measurement, Message, encode_measurement, format_time
from bearing_stream.wire import headers as h
from bearing_stream.wire.samples import pack
from producer_sim.settings import SimulatorSettings
from producer_sim.streams import SensorStream


class StreamEncoder:
    """Encodes the measurements of a stream.

    Args:
        stream: Of one sensor.
        settings: The format, and the name of the run.
    """

    def __init__(self, stream: SensorStream, settings: SimulatorSettings) -> None:
        self._stream = stream
        self._prefix = f"{settings.run}/" if settings.run else ""
        self._sample_format = settings.wire_format
        self._content_type = settings.content_type
        self._first: Message | None = None
        self._id_at = self._time_at = 0

    def measurement(self, number: int, time: datetime, samples: NDArray[Any]) -> Measurement:
        """Return the measurement with this number in the stream.

        Args:
            number: From 0.
            time: Of its first sample.
            samples: Shape (n,).
        """
        stream = self._stream
        return Measurement(
            source=stream.source,
            id=self._prefix + stream.window_id(number),
            sensor=stream.sensor,
            time=time,
            samples=samples,
            sampling_rate=stream.sampling_rate,
            unit=stream.unit,
            shaft_speed=stream.shaft_speed,
            fault_label=stream.fault_label,
        )

    def encode(self, number: int, time: datetime, samples: NDArray[Any]) -> Message:
        """Return the message of `measurement(number, time, samples)`."""
        first = self._first
        if first is None or self._content_type == h.JSON:
            measurement = self.measurement(number, time, samples)
            return self._remember(
                encode_measurement(measurement, self._sample_format, self._content_type)
            )
        headers = first.headers.copy()
        id_ = self._prefix + self._stream.window_id(number)
        headers[self._id_at] = (h.ID, id_.encode())
        headers[self._time_at] = (h.TIME, format_time(time).encode())
        return Message(first.key, pack(samples, self._sample_format), headers)

    def _remember(self, message: Message) -> Message:
        """Keep the first message: of others, only the id, the time and the value differ."""
        names = [name for name, _ in message.headers]
        self._id_at, self._time_at = names.index(h.ID), names.index(h.TIME)
        self._first = message
        return message
