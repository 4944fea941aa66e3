"""Requests in flight together share a batch, each gets its own, and nobody waits for nothing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from bearing_stream.commands.serve.batcher import Batcher

Request = tuple[int, ...]
"""As many windows as numbers."""


class Held:
    """Answers each request with itself, when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[Request]] = []
        self.error: Exception | None = None

    def __call__(self, requests: list[Request]) -> list[Request]:
        self.batches.append(requests)
        self.entered.set()
        assert self.let.wait(30)
        if self.error:
            error, self.error = self.error, None
            raise error
        return requests


Test = Callable[[Held, Batcher[Request, Request]], Awaitable[None]]


def run(test: Test, batch_size: int = 8) -> Held:
    """Run a test around a batcher whose network is busy with window 0."""
    held = Held()

    async def body() -> None:
        async with Batcher(held, batch_size) as batcher:
            first = asyncio.create_task(batcher.answer((0,)))
            # While the network is busy the event loop is not: this wait would not end otherwise.
            await asyncio.to_thread(held.entered.wait, 30)
            await test(held, batcher)
            held.let.set()
            await asyncio.wait([first])

    asyncio.run(asyncio.wait_for(body(), 60))
    return held


async def started(*requests: Awaitable[Request]) -> list[asyncio.Task[Request]]:
    tasks = [asyncio.ensure_future(request) for request in requests]
    await asyncio.sleep(0)
    return tasks


def test_what_waits_together_is_diagnosed_together_and_given_back_apart() -> None:
    async def test(held: Held, batcher: Batcher[Request, Request]) -> None:
        tasks = await started(
            batcher.answer((1, 2)),
            batcher.answer(()),
            batcher.answer((3,)),
        )
        held.let.set()
        assert await asyncio.gather(*tasks) == [(1, 2), (), (3,)]

    assert run(test).batches == [[(0,)], [(1, 2), (), (3,)]]


def test_a_batch_has_a_limit_and_a_large_request_its_own() -> None:
    large = tuple(range(10, 21))

    async def test(held: Held, batcher: Batcher[Request, Request]) -> None:
        parts = [(1, 2, 3), (4, 5), (6,), (7,), large, (8,)]
        tasks = await started(*(batcher.answer(part) for part in parts))
        held.let.set()
        assert await asyncio.gather(*tasks) == parts

    batches = run(test, batch_size=4).batches
    assert batches == [[(0,)], [(1, 2, 3)], [(4, 5), (6,), (7,)], [large], [(8,)]]


def test_a_failure_meets_its_batch_only() -> None:
    async def test(held: Held, batcher: Batcher[Request, Request]) -> None:
        tasks = await started(batcher.answer((1,)), batcher.answer((2,)))
        held.error = RuntimeError("of window 0")
        held.let.set()
        assert await asyncio.gather(*tasks) == [(1,), (2,)]
        held.error = RuntimeError("of both")
        tasks = await started(batcher.answer((3,)), batcher.answer((4,)))
        for task in tasks:
            with pytest.raises(RuntimeError, match="of both"):
                await task
        assert await batcher.answer((5,)) == (5,)

    run(test)


def test_who_goes_away_keeps_nobody_waiting() -> None:
    async def test(held: Held, batcher: Batcher[Request, Request]) -> None:
        gone, stays = await started(batcher.answer((1,)), batcher.answer((2,)))
        gone.cancel()
        held.let.set()
        assert await stays == (2,)

    run(test)


def test_who_waits_at_the_end_is_told() -> None:
    held = Held()
    held.let.set()

    async def body() -> None:
        batcher = Batcher(held, 8)
        (waiting,) = await started(batcher.answer((1,)))
        async with batcher:
            assert batcher.working
            assert await waiting == (1,)
        assert not batcher.working
        (late,) = await started(batcher.answer((2,)))
        await batcher.__aexit__()
        with pytest.raises(asyncio.CancelledError):
            await late

    asyncio.run(asyncio.wait_for(body(), 60))
