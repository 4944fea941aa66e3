"""A subscriber: reads committed diagnoses as they come, for the live table and the latencies."""

import threading
import time

from bearing_stream.commands.demo.account import Place
from bearing_stream.commands.watch.reader import DiagnosisReader
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.tally import Tally
from bearing_stream.kafka import FatalKafkaError


class Arrivals(threading.Thread):
    """Tallies diagnoses as they arrive, and notes when.

    Attributes:
        tally: What has arrived, by sensor.
        times: Seconds since the epoch at which the answer to each window was read here, its commit
            included.
        failure: Why reading ended by itself, if it did.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Get ready to read `settings.diagnoses_topic`; `start` begins."""
        super().__init__(name="arrivals", daemon=True)
        self.tally = Tally()
        self.times: dict[Place, float] = {}
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
                        self.tally.add(one.diagnosis)
                        place = (one.diagnosis.input.partition, one.diagnosis.input.offset)
                        self.times.setdefault(place, now)
        except FatalKafkaError as failure:
            self.failure = failure

    def stop(self) -> None:
        """End reading."""
        self._stopping.set()
        self.join()
