"""Answers requests that are in flight together in one go."""

import asyncio
from collections import deque
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

Q = TypeVar("Q", bound=Sized)
A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Q, A]):
    """A request, and who waits for its answer."""

    request: Q
    answer: asyncio.Future[A]


class Batcher(Generic[Q, A]):
    """Gives the network one batch at a time, in a thread of its own.

    There is no delay to tune: a request that finds the network idle is answered at once, and what
    arrives while it is busy makes up the next batch. An asynchronous context manager, to be used
    within one event loop.
    """

    def __init__(self, answer: Callable[[list[Q]], list[A]], batch_size: int) -> None:
        """Set up, without starting.

        Args:
            answer: Requests to an answer each; called in the thread.
            batch_size: Most windows of several requests together; `len` of a request says how
                many it has.
        """
        self._answer = answer
        self._batch_size = batch_size
        self._waiting: deque[_Waiting[Q, A]] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work(), name="batcher")
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop; whoever still waits is cancelled."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        for waiting in self._waiting:
            waiting.answer.cancel()
        self._thread.shutdown()

    @property
    def working(self) -> bool:
        """Whether requests are being answered."""
        return self._task is not None and not self._task.done()

    @property
    def waiting(self) -> int:
        """Requests that wait for the network."""
        return len(self._waiting)

    async def answer(self, request: Q) -> A:
        """Return the answer to a request.

        Raises:
            Exception: What answering the batch raised; all requests in it get the same.
        """
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, answer))
        self._arrived.set()
        return await answer

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._next_batch()
            try:
                answers = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._answer, [waiting.request for waiting in batch]
                )
            # Whatever it is belongs to the requests that met it; the next batch is tried again.
            except Exception as error:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                continue
            for waiting, answer in zip(batch, answers, strict=True):
                # Who has gone away has cancelled.
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    def _next_batch(self) -> list[_Waiting[Q, A]]:
        """Take the requests that fit a batch, in order; the first one whatever its size."""
        batch = [self._waiting.popleft()]
        windows = len(batch[0].request)
        while self._waiting and windows + len(self._waiting[0].request) <= self._batch_size:
            batch.append(self._waiting.popleft())
            windows += len(batch[-1].request)
        if not self._waiting:
            self._arrived.clear()
        return batch
