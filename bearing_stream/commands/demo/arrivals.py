"""A subscriber: reads committed diagnoses for the live table and the latencies."""

import threading
import time

from bearing_stream.commands.watch.reader import DiagnosisReader
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.statistics import SensorStatistics
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.kafka.record_id import RecordId


class Arrivals(threading.Thread):
    """Reads diagnoses as they arrive, and records when each arrived.

    Attributes:
        statistics: Of the diagnoses so far, by sensor.
        times: Seconds since the epoch at which the first diagnosis of each window was read here.
            Only committed diagnoses can be read.
        failure: The error that ended the thread, if one did.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Prepare to read `settings.diagnoses_topic`; call `start` to begin."""
        super().__init__(name="arrivals", daemon=True)
        self.statistics = SensorStatistics()
        self.times: dict[RecordId, float] = {}
        self.failure: FatalKafkaError | None = None
        self._settings = settings
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read until `stop`."""
        try:
            with DiagnosisReader(self._settings) as reader:
                while not self._stopping.is_set():
                    received = reader.read()
                    now = time.time()
                    for one in received:
                        self.statistics.add(one.diagnosis)
                        window = one.diagnosis.input
                        self.times.setdefault(RecordId(window.partition, window.offset), now)
        except FatalKafkaError as failure:
            self.failure = failure

    def stop(self) -> None:
        """Stop reading; returns when the thread has ended."""
        self._stopping.set()
        self.join()
