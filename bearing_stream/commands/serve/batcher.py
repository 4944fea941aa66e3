"""Processes concurrent requests in batches."""

import asyncio
from collections import deque
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

RequestT = TypeVar("RequestT", bound=Sized)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[RequestT, ResultT]):
    """A request, and the future of its result."""

    request: RequestT
    result: asyncio.Future[ResultT]


class Batcher(Generic[RequestT, ResultT]):
    """Runs the network on one batch at a time, in its own thread.

    There is no delay to tune: a request is processed at once if the network is idle, and requests
    that arrive while it is busy form the next batch. An asynchronous context manager, for use
    within one event loop.
    """

    def __init__(self, process: Callable[[list[RequestT]], list[ResultT]], batch_size: int) -> None:
        """Set up, without starting.

        Args:
            process: Returns a result for each request; called in the thread.
            batch_size: Maximum number of windows of several requests together; `len` of a
                request is the number of its windows.
        """
        self._process = process
        self._batch_size = batch_size
        self._waiting: deque[_Waiting[RequestT, ResultT]] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work(), name="batcher")
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop; requests that still wait are cancelled."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        for waiting in self._waiting:
            waiting.result.cancel()
        self._thread.shutdown()

    @property
    def working(self) -> bool:
        """Whether the batcher processes requests."""
        return self._task is not None and not self._task.done()

    @property
    def waiting(self) -> int:
        """Requests that wait for the network."""
        return len(self._waiting)

    async def submit(self, request: RequestT) -> ResultT:
        """Wait for the result of a request, and return it.

        Raises:
            Exception: The exception of the batch; all requests in the batch raise it.
        """
        result: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, result))
        self._arrived.set()
        return await result

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._next_batch()
            try:
                results = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._process, [waiting.request for waiting in batch]
                )
            # Any exception concerns the requests of this batch only; the next batch is processed.
            except Exception as error:
                for waiting in batch:
                    if not waiting.result.done():
                        waiting.result.set_exception(error)
                continue
            for waiting, result in zip(batch, results, strict=True):
                # A request whose client has disconnected is cancelled.
                if not waiting.result.done():
                    waiting.result.set_result(result)

    def _next_batch(self) -> list[_Waiting[RequestT, ResultT]]:
        """Remove and return the requests that fit into a batch, in order; the first at any size."""
        batch = [self._waiting.popleft()]
        windows = len(batch[0].request)
        while self._waiting and windows + len(self._waiting[0].request) <= self._batch_size:
            batch.append(self._waiting.popleft())
            windows += len(batch[-1].request)
        if not self._waiting:
            self._arrived.clear()
        return batch
