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
from bearing_stream.local_kafka.configuration import Broker, Security, broker_properties
from bearing_stream.local_kafka.errors import AddressInUseError, LocalKafkaError
from bearing_stream.local_kafka.jars import class_path, read_lock
from bearing_stream.local_kafka.ports import free_ports, is_free
from bearing_stream.local_kafka.processes import POLL_INTERVAL, Keeper
from bearing_stream.local_kafka.readiness import answers, listens

START_ATTEMPTS: Final = 5
"""With other ports each, when somebody else takes one between our choice and Kafka's start."""
STOP_TIMEOUT: Final = 15.0
"""Seconds until a broker that does not stop is killed; one that stops takes 0.4."""


class LocalKafka:
    """A real Apache Kafka on this machine; needs no Docker and no Java.

    Each broker is a process, and a controller too. All of it dies with this process, however this
    one dies, and leaves nothing behind but the folder asked for with `data`.

        with LocalKafka() as kafka:
            producer = Producer(kafka.client_properties)

    Methods that take a `broker` mean its number, from 1 up.
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
    ) -> None:
        """Describe the cluster; `with` starts it.

        Args:
            brokers: How many. With 3, everything is stored three times, and two must have it.
            properties: Broker properties that come before ours.
            port: Of the first broker; the next ones follow it. None: any that are free.
            data: A folder to keep the data in from run to run. None: a temporary one.
            security: How clients reach the brokers.
            heap: The largest heap of each Java, as its `-Xmx` takes it.
            start_timeout: Seconds within which the brokers must answer.

        Raises:
            ValueError: there is to be less than one broker.
        """
        if brokers < 1:
            raise ValueError(f"A cluster needs 1 broker or more, not {brokers}.")
        self._count = brokers
        self._properties = {name: str(value) for name, value in (properties or {}).items()}
        self._port = port
        self._data = data.resolve() if data else None
        self._security = security or Security()
        self._heap = heap
        self._start_timeout = start_timeout
        self._keeper: Keeper | None = None
        self._processes: tuple[BrokerProcess, ...] = ()

    def __enter__(self) -> Self:
        """Fetch Kafka if need be, start every broker, and return when they answer.

        Raises:
            LocalKafkaError: a jar cannot be had, the port is taken, the data is another cluster's,
                or a broker does not come up (with the end of its log).
        """
        # Before jars are fetched and data is touched: a port that is taken is known at once.
        self._check_ports()
        if self._data:
            _prepare(self._data, self._count)
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
        """Stop every broker: in good order if its data is to stay, and at once if not."""
        try:
            if self._data:
                _stop(self._processes)
        finally:
            self._close()

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, `host:port,…`; they stay the same over restarts.

        Raises:
            LocalKafkaError: nothing has been started yet.
        """
        self._process(1)
        return ",".join(process.broker.address for process in self._processes)

    @property
    def client_properties(self) -> dict[str, str]:
        """All that a client needs to connect, in the names of librdkafka."""
        return self._reach(self.bootstrap_servers)

    @property
    def brokers(self) -> tuple[int, ...]:
        """The numbers of the brokers, running or not."""
        return tuple(process.broker.number for process in self._processes)

    @property
    def folder(self) -> Path:
        """Where all of it lies: a folder a broker, with its data, properties and log."""
        return self._process(1).broker.folder.parent

    def is_running(self, broker: int = 1) -> bool:
        """Whether the broker's process is there, if only frozen."""
        return self._process(broker).is_running()

    def start(self, broker: int = 1) -> None:
        """Start a broker that was stopped or killed, on its old port and data; wait for it.

        Raises:
            LocalKafkaError: it is running, or does not come up.
        """
        process = self._process(broker)
        if process.is_running():
            raise LocalKafkaError(f"Broker {broker} is running. Stop or kill it first.")
        process.launch()
        self._await_ready((process,))

    def stop(self, broker: int = 1) -> None:
        """Stop a broker as an operator does (SIGTERM): it hands its partitions over first."""
        _stop((self._process(broker),))

    def restart(self, broker: int = 1) -> None:
        """Stop a broker in good order and start it again."""
        self.stop(broker)
        self.start(broker)

    def kill(self, broker: int = 1) -> None:
        """End a broker at once (SIGKILL), as a power cut does; returns when it is gone."""
        self._process(broker).kill()

    def freeze(self, broker: int = 1) -> None:
        """Halt a broker (SIGSTOP): its connections stay open and nobody answers."""
        self._process(broker).signal(signal.SIGSTOP)

    def thaw(self, broker: int = 1) -> None:
        """Let a frozen broker go on."""
        self._process(broker).signal(signal.SIGCONT)

    def log_tail(self, broker: int = 1, lines: int = LOG_LINES) -> str:
        """The last lines of what a broker had to say."""
        return self._process(broker).log_tail(lines)

    def _process(self, broker: int) -> BrokerProcess:
        if self._keeper is None:
            raise LocalKafkaError("This local Kafka is not running. Use it in a `with` block.")
        if broker not in self.brokers:
            raise ValueError(f"There is no broker {broker}; there are {self.brokers}.")
        return self._processes[broker - 1]

    def _reach(self, addresses: str) -> dict[str, str]:
        return {
            "bootstrap.servers": addresses,
            "security.protocol": self._security.protocol,
            **self._security.client_properties,
        }

    def _start_all(self, keeper: Keeper) -> None:
        """Start every broker, and again on other ports if one of those is taken meanwhile."""
        jars = ":".join(map(str, class_path(read_lock())))
        for attempt in range(1, START_ATTEMPTS + 1):
            brokers = self._assign_ports(keeper.folder)
            self._processes = tuple(
                BrokerProcess(
                    broker, keeper, jars, self._all_properties(broker, brokers), self._heap
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
        """Number the brokers and give them ports that are free now.

        Raises:
            LocalKafkaError: a port that was asked for is taken.
        """
        self._check_ports()
        spare = free_ports(3 * self._count)
        brokers = []
        for index in range(self._count):
            client, between, controller = spare[3 * index : 3 * index + 3]
            if self._port is not None:
                client = self._port + index
            number = index + 1
            brokers.append(Broker(number, client, between, controller, folder / f"broker-{number}"))
        return brokers

    def _check_ports(self) -> None:
        """Make sure that the ports asked for are free.

        Raises:
            LocalKafkaError: one is taken.
        """
        if self._port is None:
            return
        for port in range(self._port, self._port + self._count):
            if not is_free(port):
                raise LocalKafkaError(
                    f"Port {port} is taken. Stop what listens there, or choose another."
                )

    def _all_properties(self, broker: Broker, brokers: Sequence[Broker]) -> dict[str, str]:
        return {**broker_properties(broker, brokers, self._security), **self._properties}

    def _format(self) -> None:
        """Prepare the folders of data that are new, all at the same time."""
        new = [process for process in self._processes if not process.broker.is_formatted]
        for process in new:
            process.begin_format(self._security.format_arguments)
        for process in new:
            process.end_format()

    def _await_ready(self, processes: Sequence[BrokerProcess]) -> None:
        """Wait until each of these answers and knows of all of these.

        Raises:
            AddressInUseError: one ended because a port of its is taken.
            LocalKafkaError: one ended, or the time is up.
        """
        deadline = time.monotonic() + self._start_timeout
        numbers = {process.broker.number for process in processes}
        waiting = deque(processes)
        while waiting:
            for process in processes:
                process.check_starting()
            broker = waiting[0].broker
            if listens(broker.client_port) and answers(self._reach(broker.address), numbers):
                waiting.popleft()
            elif time.monotonic() > deadline:
                raise waiting[0].failure(f"does not answer within {self._start_timeout:g} s")
            else:
                time.sleep(POLL_INTERVAL)

    def _close(self) -> None:
        """Kill what runs and remove what is temporary."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.close()
        if not self._data:  # The keeper has done it, unless somebody killed the keeper.
            shutil.rmtree(keeper.folder, ignore_errors=True)


def _stop(processes: Sequence[BrokerProcess]) -> None:
    """Stop several at the same time, and kill what does not stop."""
    for process in processes:
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)  # One that is frozen cannot stop.
    deadline = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        process.stop(max(deadline - time.monotonic(), 0.0))


def _prepare(data: Path, brokers: int) -> None:
    """Make the folder that keeps the data, and forget the logs of the last run.

    Raises:
        LocalKafkaError: it holds another number of brokers, who would not agree on its content.
    """
    data.mkdir(parents=True, exist_ok=True)
    held = sorted(data.glob("broker-*"))
    if held and len(held) != brokers:
        raise LocalKafkaError(
            f"{data} holds the data of {len(held)} broker(s), not {brokers}. "
            "Use that number, or another folder."
        )
    for folder in held:
        (folder / "broker.log").unlink(missing_ok=True)
