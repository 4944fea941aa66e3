"""Concurrent requests share a batch, and each gets its own result."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from bearing_stream.commands.serve.batcher import Batcher

Request = tuple[int, ...]
"""As many windows as numbers."""


class Blocked:
    """Returns each request as its result, after a test releases it."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[Request]] = []
        self.error: Exception | None = None

    def __call__(self, requests: list[Request]) -> list[Request]:
        self.batches.append(requests)
        self.entered.set()
        assert self.released.wait(30)
        if self.error:
            error, self.error = self.error, None
            raise error
        return requests


Test = Callable[[Blocked, Batcher[Request, Request]], Awaitable[None]]


def run(test: Test, batch_size: int = 8) -> Blocked:
    """Run a test around a batcher whose network is busy with window 0."""
    blocked = Blocked()

    async def body() -> None:
        async with Batcher(blocked, batch_size) as batcher:
            first = asyncio.create_task(batcher.submit((0,)))
            # The network does not block the event loop: otherwise this wait would not end.
            await asyncio.to_thread(blocked.entered.wait, 30)
            await test(blocked, batcher)
            blocked.released.set()
            await asyncio.wait([first])

    asyncio.run(asyncio.wait_for(body(), 60))
    return blocked


async def started(*requests: Awaitable[Request]) -> list[asyncio.Task[Request]]:
    tasks = [asyncio.ensure_future(request) for request in requests]
    await asyncio.sleep(0)
    return tasks


def test_waiting_requests_share_a_batch_and_get_their_own_results() -> None:
    async def test(blocked: Blocked, batcher: Batcher[Request, Request]) -> None:
        tasks = await started(
            batcher.submit((1, 2)),
            batcher.submit(()),
            batcher.submit((3,)),
        )
        blocked.released.set()
        assert await asyncio.gather(*tasks) == [(1, 2), (), (3,)]

    assert run(test).batches == [[(0,)], [(1, 2), (), (3,)]]


def test_a_batch_is_limited_and_a_large_request_has_its_own() -> None:
    large = tuple(range(10, 21))

    async def test(blocked: Blocked, batcher: Batcher[Request, Request]) -> None:
        parts = [(1, 2, 3), (4, 5), (6,), (7,), large, (8,)]
        tasks = await started(*(batcher.submit(part) for part in parts))
        blocked.released.set()
        assert await asyncio.gather(*tasks) == parts

    batches = run(test, batch_size=4).batches
    assert batches == [[(0,)], [(1, 2, 3)], [(4, 5), (6,), (7,)], [large], [(8,)]]


def test_an_exception_fails_only_its_batch() -> None:
    async def test(blocked: Blocked, batcher: Batcher[Request, Request]) -> None:
        tasks = await started(batcher.submit((1,)), batcher.submit((2,)))
        blocked.error = RuntimeError("of window 0")
        blocked.released.set()
        assert await asyncio.gather(*tasks) == [(1,), (2,)]
        blocked.error = RuntimeError("of both")
        tasks = await started(batcher.submit((3,)), batcher.submit((4,)))
        for task in tasks:
            with pytest.raises(RuntimeError, match="of both"):
                await task
        assert await batcher.submit((5,)) == (5,)

    run(test)


def test_a_cancelled_request_does_not_block_others() -> None:
    async def test(blocked: Blocked, batcher: Batcher[Request, Request]) -> None:
        cancelled, other = await started(batcher.submit((1,)), batcher.submit((2,)))
        cancelled.cancel()
        blocked.released.set()
        assert await other == (2,)

    run(test)


def test_a_request_that_waits_at_the_end_is_cancelled() -> None:
    blocked = Blocked()
    blocked.released.set()

    async def body() -> None:
        batcher = Batcher(blocked, 8)
        (waiting,) = await started(batcher.submit((1,)))
        async with batcher:
            assert batcher.working
            assert await waiting == (1,)
        assert not batcher.working
        (late,) = await started(batcher.submit((2,)))
        await batcher.__aexit__()
        with pytest.raises(asyncio.CancelledError):
            await late

    asyncio.run(asyncio.wait_for(body(), 60))
