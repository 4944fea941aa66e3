"""`LocalKafka`: one or more real brokers for as long as a `with` block lasts."""

import shutil
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bearing_stream.local_kafka.broker_process import LOG_LINES, BrokerProcess
from bearing_stream.local_kafka.configuration import (
    Broker,
    RelayPorts,
    Security,
    broker_properties,
)
from bearing_stream.local_kafka.data import prepare_folder
from bearing_stream.local_kafka.errors import AddressInUseError, LocalKafkaError
from bearing_stream.local_kafka.jars import class_path, read_lock
from bearing_stream.local_kafka.ports import check_free, free_ports
from bearing_stream.local_kafka.processes import POLL_INTERVAL, Keeper
from bearing_stream.local_kafka.readiness import is_listening, is_ready

START_ATTEMPTS: Final = 5
"""Each with other ports, in case another process takes one between the choice and the start."""
STOP_TIMEOUT: Final = 15.0
"""Seconds after which a broker that does not stop is killed; stopping takes 0.4."""


class LocalKafka:
    """A real Apache Kafka on this machine; needs no Docker and no Java.

    Each broker is a process, and a controller too. All of them end with this process, even if it is
    killed, and nothing remains but the folder given as `data`.

        with LocalKafka() as kafka:
            producer = Producer(kafka.client_properties)

    The parameter `broker` of a method is the number of a broker, from 1 up.
    """

    def __init__(
        self,
        brokers: int = 1,
        properties: Mapping[str, object] | None = None,
        *,
        port: int | None = None,
        data: Path | None = None,
        security: Security | None = None,
        heap: str = "1g",
        start_timeout: float = 60.0,
        relayed: bool = False,
        is_lasting: bool = False,
        java_flags: Sequence[str] = (),
    ) -> None:
        """Describe the cluster; `with` starts it.

        Args:
            brokers: Number of brokers. With 3, there are three replicas, two of them in sync.
            properties: Broker properties that override the default ones here.
            port: Port of the first broker; the others have the next ones. None: any free ports.
            data: A folder that keeps the data between runs. None: a temporary one.
            security: How clients reach the brokers.
            heap: The largest heap of each Java, as in `-Xmx`.
            start_timeout: Seconds within which the brokers must respond.
            relayed: Give each broker a second listener, for clients behind a relay; see `relays`.
            is_lasting: Whether the brokers run for minutes: then they start as Kafka's own scripts
                start them, and get faster in the first minute. Otherwise they spend less on that.
            java_flags: Of each broker, in place of those that let it read the archive of classes;
                see `class_cache`.

        Raises:
            ValueError: `brokers` is below 1.
        """
        if brokers < 1:
            raise ValueError(f"A cluster needs 1 broker or more, not {brokers}.")
        self._count = brokers
        self._properties = {name: str(value) for name, value in (properties or {}).items()}
        self._port = port
        self._data = data.resolve() if data else None
        self._security = security or Security()
        self._heap = heap
        self._is_lasting = is_lasting
        self._java_flags = tuple(java_flags)
        self._start_timeout = start_timeout
        self._relayed = relayed
        self._keeper: Keeper | None = None
        self._processes: tuple[BrokerProcess, ...] = ()

    def __enter__(self) -> Self:
        """Fetch Kafka if it is missing, start every broker, and return when they respond.

        Raises:
            LocalKafkaError: a jar cannot be fetched, the port is taken, the data is that of another
                cluster, or a broker does not start (with the end of its log).
        """
        # First, so that a taken port is reported before jars are fetched and data is touched.
        self._check_ports()
        if self._data:
            prepare_folder(self._data, self._count)
        try:
            self._keeper = Keeper(self._data)
            self._start_all(self._keeper)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every broker: cleanly if its data is kept, by SIGKILL if not."""
        try:
            if self._data:
                _stop(self._processes)
        finally:
            self._close()

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, `host:port,…`; a restart does not change them.

        Raises:
            LocalKafkaError: nothing has been started yet.
        """
        self._process(1)
        return ",".join(process.broker.address for process in self._processes)

    @property
    def client_properties(self) -> dict[str, str]:
        """The properties that a client needs to connect, named as in librdkafka."""
        return self._security.connection(self.bootstrap_servers)

    @property
    def relays(self) -> dict[int, RelayPorts]:
        """The ports of each broker's relayed listener, by its number; empty without `relayed`.

        A client that connects to an advertised port reaches all brokers at advertised ports.
        """
        brokers = (process.broker for process in self._processes)
        return {one.number: one.relay for one in brokers if one.relay is not None}

    @property
    def brokers(self) -> tuple[int, ...]:
        """The numbers of the brokers, running or not."""
        return tuple(process.broker.number for process in self._processes)

    @property
    def folder(self) -> Path:
        """The folder of the cluster: in it one per broker, with its data, properties and log."""
        return self._process(1).broker.folder.parent

    def is_running(self, broker: int = 1) -> bool:
        """Whether the broker's process exists, frozen or not."""
        return self._process(broker).is_running()

    def start(self, broker: int = 1) -> None:
        """Start a stopped or killed broker, with its port and data; wait until it responds.

        Raises:
            LocalKafkaError: it is running, or does not start.
        """
        process = self._process(broker)
        if process.is_running():
            raise LocalKafkaError(f"Broker {broker} is running. Stop or kill it first.")
        process.launch()
        self._await_ready((process,))

    def stop(self, broker: int = 1) -> None:
        """Stop a broker cleanly (SIGTERM): it moves its leaderships first."""
        _stop((self._process(broker),))

    def restart(self, broker: int = 1) -> None:
        """Stop a broker cleanly and start it again."""
        self.stop(broker)
        self.start(broker)

    def kill(self, broker: int = 1) -> None:
        """Kill a broker (SIGKILL), as a power cut does, and wait for its end."""
        self._process(broker).kill()

    def freeze(self, broker: int = 1) -> None:
        """Freeze a broker (SIGSTOP): its connections stay open and it does not respond."""
        self._process(broker).signal(signal.SIGSTOP)

    def thaw(self, broker: int = 1) -> None:
        """Resume a frozen broker (SIGCONT)."""
        self._process(broker).signal(signal.SIGCONT)

    def log_tail(self, broker: int = 1, lines: int = LOG_LINES) -> str:
        """The last lines of a broker's log."""
        return self._process(broker).log_tail(lines)

    def _process(self, broker: int) -> BrokerProcess:
        if self._keeper is None:
            raise LocalKafkaError("This local Kafka is not running. Use it in a `with` block.")
        if broker not in self.brokers:
            raise ValueError(f"There is no broker {broker}; there are {self.brokers}.")
        return self._processes[broker - 1]

    def _start_all(self, keeper: Keeper) -> None:
        """Start every broker; retry with other ports if another process takes one."""
        jars = ":".join(map(str, class_path(read_lock())))
        for attempt in range(1, START_ATTEMPTS + 1):
            brokers = self._assign_ports(keeper.folder)
            self._processes = tuple(
                BrokerProcess(
                    broker,
                    keeper,
                    jars,
                    self._all_properties(broker, brokers),
                    self._heap,
                    self._is_lasting,
                    self._java_flags,
                )
                for broker in brokers
            )
            self._format()
            try:
                for process in self._processes:
                    process.launch()
                self._await_ready(self._processes)
                return
            except AddressInUseError:
                if attempt == START_ATTEMPTS:
                    raise
                for process in self._processes:
                    process.kill()

    def _assign_ports(self, folder: Path) -> list[Broker]:
        """Number the brokers and assign them ports that are free now.

        Raises:
            LocalKafkaError: a port that was requested is taken.
        """
        self._check_ports()
        spare = iter(free_ports((5 if self._relayed else 3) * self._count))
        brokers = []
        for number in range(1, self._count + 1):
            client, between, controller = next(spare), next(spare), next(spare)
            if self._port is not None:
                client = self._port + number - 1
            relay = RelayPorts(next(spare), next(spare)) if self._relayed else None
            data = folder / f"broker-{number}"
            brokers.append(Broker(number, client, between, controller, data, relay))
        return brokers

    def _check_ports(self) -> None:
        if self._port is not None:
            check_free(range(self._port, self._port + self._count))

    def _all_properties(self, broker: Broker, brokers: Sequence[Broker]) -> dict[str, str]:
        return {**broker_properties(broker, brokers, self._security), **self._properties}

    def _format(self) -> None:
        """Format the data folders that are new, all at the same time."""
        new = [process for process in self._processes if not process.broker.is_formatted]
        for process in new:
            process.begin_format(self._security.format_arguments)
        for process in new:
            process.end_format()

    def _await_ready(self, processes: Sequence[BrokerProcess]) -> None:
        """Wait until each of these brokers responds and knows of all the others.

        Raises:
            AddressInUseError: one ended because one of its ports is taken.
            LocalKafkaError: one ended, or the timeout expired.
        """
        deadline = time.monotonic() + self._start_timeout
        numbers = {process.broker.number for process in processes}
        waiting = deque(processes)
        while waiting:
            for process in processes:
                process.check_starting()
            broker = waiting[0].broker
            if is_listening(broker.client_port) and is_ready(
                self._security.connection(broker.address), numbers
            ):
                waiting.popleft()
            elif time.monotonic() > deadline:
                raise waiting[0].failure(f"does not respond within {self._start_timeout:g} s")
            else:
                time.sleep(POLL_INTERVAL)

    def _close(self) -> None:
        """Kill the processes and remove temporary folders."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.close()
        if not self._data:  # The keeper has removed it, unless the keeper was killed.
            shutil.rmtree(keeper.folder, ignore_errors=True)


def _stop(processes: Sequence[BrokerProcess]) -> None:
    """Stop several at the same time, and kill those that do not stop."""
    for process in processes:
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)  # A frozen process cannot handle SIGTERM.
    deadline = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        process.stop(max(deadline - time.monotonic(), 0.0))
