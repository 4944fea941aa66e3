"""TCP relays between consumers and brokers, whose connections can be made to fail.

They stand for the network: the processes at both ends are well. No root is needed.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"

CHUNK: Final = 65_536
"""Bytes that are relayed at a time …"""

SLOW_CHUNK: Final = 1024
"""… and at a limited rate, so that connections share it fairly."""

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which a close sends RST, and not FIN."""


class Relays:
    """A relay to each broker of a cluster, started at first use, while the block lasts.

    Only one object for each cluster can have started them at a time.
    """

    def __init__(self, ports: Mapping[int, tuple[int, int]]) -> None:
        """Describe them.

        Args:
            ports: Broker → the port that it advertises, and the one on which it listens; see
                `LocalKafka.relays`.
        """
        self._ports = ports
        self._stack = ExitStack()
        self._started: dict[int, Relay] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __getitem__(self, broker: int) -> "Relay":
        """Return the relay to a broker."""
        return self._start()[broker]

    def __iter__(self) -> Iterator["Relay"]:
        """Yield the relay to each broker."""
        yield from self._start().values()

    def bootstrap_servers(self) -> str:
        """Start the relays, and return their addresses, as clients take them."""
        self._start()
        return ",".join(f"{HOST}:{port}" for port, _ in self._ports.values())

    def _start(self) -> "dict[int, Relay]":
        for broker, (port, target) in self._ports.items() if not self._started else ():
            self._started[broker] = self._stack.enter_context(Relay(port, target))
        return self._started


class Relay:
    """Listens on a port, and relays each connection to another port, while its block lasts.

    The methods may be called from any thread.
    """

    def __init__(self, port: int, target: int) -> None:
        """Describe it; `with` starts it.

        Args:
            port: The port on which it listens.
            target: The port to which it connects.
        """
        self._port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._turn = asyncio.Lock()
        self._rate: float | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connect, HOST, self._port), self._loop
        ).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def silence(self) -> None:
        """Relay nothing until `resume`, as a network that drops packets.

        Connections stay open, and new ones can be made. What was sent meanwhile arrives later.
        """
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def resume(self) -> None:
        """End a silence."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def limit(self, rate: float | None) -> None:
        """Relay at most so many bytes a second, all connections together; None ends the limit."""
        self._rate = rate

    def reset(self) -> None:
        """Reset all connections (RST); new ones can be made."""
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for writer in self._writers:
            end = writer.get_extra_info("socket")
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        self._rate = None
        self._flowing.set()
        # Nothing is cancelled: asyncio would log the cancelled task of a connection as an error.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            self._reset()
            await asyncio.wait(tasks, timeout=0.1)

    async def _connect(self, source: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Relay a new connection, in both directions, until both are closed."""
        self._writers.add(back)
        try:
            await self._flowing.wait()
            response, sink = await asyncio.open_connection(HOST, self._target)
        except OSError:  # The broker is down.
            back.transport.abort()
            self._writers.discard(back)
            return
        self._writers.add(sink)
        try:
            await asyncio.gather(self._relay(source, sink), self._relay(response, back))
        finally:
            self._writers -= {back, sink}

    async def _relay(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(SLOW_CHUNK if self._rate else CHUNK):
                await self._wait_turn(len(data))
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()

    async def _wait_turn(self, length: int) -> None:
        """Wait as long as these bytes take at the limited rate."""
        async with self._turn:
            while self._rate is not None and length > 0:
                part = min(length, SLOW_CHUNK)
                await asyncio.sleep(part / self._rate)
                length -= part
