"""Kafka, topics and processes for a measurement."""

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bearing_stream.commands.capacity.errors import CapacityError
from bearing_stream.commands.capacity.processor import descendants, program_of
from bearing_stream.commands.capacity.settings import CapacitySettings
from bearing_stream.config import ENVIRONMENT_PREFIX, load
from bearing_stream.kafka import TopicSettings, admin_client, create_topics, wait_for_topics
from bearing_stream.local_kafka import LocalKafka
from bearing_stream.local_kafka.processes import Keeper
from bearing_stream.program import PROGRAM

PARTITIONS_PER_WORKER: Final = 4

STARTUP_TIMEOUT: Final = 60.0
"""Seconds to wait for your Kafka if it is unreachable."""

STOP_TIMEOUT: Final = 15.0
"""Seconds that a command may take to end after SIGTERM; the consumer guarantees ten."""

REQUEST_TIMEOUT: Final = 10.0
"""Seconds that a request for the end of a partition may take."""


class Stage:
    """A cluster with a topic of windows, and the commands that write and read it."""

    def __init__(self, connection: TopicSettings, partitions: int, broker: int | None) -> None:
        """Use a cluster; `broker` is the process of a local one."""
        self.broker = broker
        self._connection = connection
        self._partitions = partitions
        self._created: list[str] = []
        self._reader = Consumer(
            connection.client_properties()
            | {"group.id": connection.windows_topic, "isolation.level": "read_committed"}
        )

    def create(self, *names: str) -> None:
        """Create topics."""
        create_topics(self._connection.client_properties(), dict.fromkeys(names, self._partitions))
        self._created += names

    def topics(self) -> TopicSettings:
        """Return new topics of results for the topic of windows, which is always the same."""
        name = f"{self._connection.windows_topic}-{uuid.uuid4().hex[:8]}"
        new = {"diagnoses_topic": f"{name}.diagnoses", "dead_letters_topic": f"{name}.dead-letters"}
        self.create(*new.values())
        return self._connection.model_copy(update=new)

    def count(self, topic: str) -> int:
        """Return the number of offsets of what is committed, 0 while Kafka does not state them."""
        parts = [TopicPartition(topic, number) for number in range(self._partitions)]
        with suppress(KafkaException):
            ends = [self._reader.get_watermark_offsets(part, REQUEST_TIMEOUT) for part in parts]
            return sum(end[1] for end in ends)
        return 0

    @contextmanager
    def running(self, topics: TopicSettings, *arguments: str) -> Iterator["Process"]:
        """Run a `bearing-stream` command until the block ends; then stop it."""
        environment = {
            ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS": topics.bootstrap_servers,
            ENVIRONMENT_PREFIX + "KAFKA": json.dumps(topics.kafka),
            ENVIRONMENT_PREFIX + "WINDOWS_TOPIC": topics.windows_topic,
            ENVIRONMENT_PREFIX + "DIAGNOSES_TOPIC": topics.diagnoses_topic,
            ENVIRONMENT_PREFIX + "DEAD_LETTERS_TOPIC": topics.dead_letters_topic,
        }
        with TemporaryDirectory() as folder, Keeper() as keeper:
            log = Path(folder) / "log"
            pid = keeper.start(arguments[0], [*PROGRAM, *arguments], Path.cwd(), log, environment)
            yield Process(arguments[0], pid, log, lambda: keeper.status(arguments[0]))
            keeper.signal(arguments[0], signal.SIGTERM)
            keeper.wait(arguments[0], STOP_TIMEOUT)

    def close(self) -> None:
        """Delete the topics."""
        self._reader.close()
        admin = admin_client(self._connection.client_properties())
        for deleted in admin.delete_topics(self._created).values():
            deleted.exception()


class Process:
    """A `bearing-stream` command that runs.

    Attributes:
        pid: Of its process.
    """

    def __init__(self, name: str, pid: int, log: Path, status: Callable[[], int | None]) -> None:
        self.pid = pid
        self._name = name
        self._log = log
        self._status = status

    def running(self) -> bool:
        """Return whether it runs; False after it ended with status 0.

        Raises:
            CapacityError: It failed; includes the end of its output.
        """
        status = self._status()
        if status:
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
            raise CapacityError(f"`bearing-stream {self._name}` ended with {status}:\n{tail}")
        return status is None


@contextmanager
def stage(
    settings: CapacitySettings, workers: int, notify: Callable[[str], None]
) -> Iterator[Stage]:
    """Provide your Kafka or a local one, with a topic that is deleted at the end.

    Args:
        settings: Which Kafka.
        workers: The most consumers that will share the topic.
        notify: Called with a line while your Kafka is unreachable.

    Raises:
        LocalKafkaError: The local Kafka does not start.
        FatalKafkaError: Your Kafka is unreachable, or refuses a request.
    """
    partitions = PARTITIONS_PER_WORKER * workers
    if settings.bootstrap_servers is None:
        with LocalKafka() as local:
            java = (pid for pid in descendants(os.getpid()) if program_of(pid) == "java")
            connection = _connection(local.bootstrap_servers, {})
            yield from _with_topic(Stage(connection, partitions, next(java, None)), connection)
        return
    connection = _connection(settings.bootstrap_servers, settings.kafka)
    wait_for_topics(connection.client_properties(), [], STARTUP_TIMEOUT, notify)
    yield from _with_topic(Stage(connection, partitions, None), connection)


def _with_topic(created: Stage, connection: TopicSettings) -> Iterator[Stage]:
    try:
        created.create(connection.windows_topic)
        yield created
    finally:
        created.close()


def _connection(bootstrap_servers: str, client: dict[str, str]) -> TopicSettings:
    """Return a topic of windows with a name that no other measurement uses."""
    return load(
        TopicSettings,
        {
            "bootstrap_servers": bootstrap_servers,
            "kafka": client,
            "windows_topic": f"bearing-capacity-{uuid.uuid4().hex[:8]}",
        },
    )
