"""Reads the committed diagnoses of a topic without joining a group."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Message

from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.kafka import TopicFollower
from bearing_stream.wire import Diagnosis, decode_diagnosis, readable_headers


@dataclass(frozen=True, slots=True)
class Received:
    """A diagnosis and its `ce_id`."""

    id: str
    diagnosis: Diagnosis


class DiagnosisReader:
    """Reads the diagnoses of all partitions with a `TopicFollower`.

    Attributes:
        unreadable: Messages so far that are not diagnoses.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Create the client; the first `read` finds the partitions.

        Raises:
            FatalKafkaError: A client property is invalid.
        """
        self.unreadable = 0
        start = OFFSET_BEGINNING if settings.from_beginning else OFFSET_END
        self._follower = TopicFollower(settings, settings.diagnoses_topic, start)

    def __enter__(self) -> Self:
        self._follower.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._follower.__exit__(kind, error, traceback)

    @property
    def connection_error(self) -> str:
        """Why Kafka is unreachable, empty if it is reachable; reading resumes by itself."""
        return self._follower.connection_error

    @property
    def stalls(self) -> int:
        """Times that the client had stopped fetching and was replaced."""
        return self._follower.stalls

    def read(self) -> list[Received]:
        """Return the next diagnoses after waiting for a moment; often there are none.

        Raises:
            FatalKafkaError: Kafka refuses access; the message states what to do.
        """
        return [each for message in self._follower.read() if (each := self._decode(message))]

    def _decode(self, message: Message) -> Received | None:
        try:
            return Received(*decode_diagnosis(readable_headers(message) or [], message.value()))
        except ValueError:
            self.unreadable += 1
            return None
