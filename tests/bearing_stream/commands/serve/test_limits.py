"""Too much at once, too large or too slow: refused clearly, and room is given back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.in_flight import LEAST, InFlight, OverloadedError
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessor import Assessor
from tests.bearing_stream.commands.serve.conftest import (
    BINARY,
    JSON,
    PATH,
    Client,
    HeldAssessor,
    records,
    running,
    serving,
)

ONE = np.random.default_rng(3).normal(size=2048).astype("<f4").tobytes()


def test_a_body_over_the_limit_is_refused(assessor: Assessor, windows: NDArray[np.float32]) -> None:
    settings = ApiSettings(max_body=2**16)
    with serving(create_app(assessor, settings)) as client:
        fits = windows[:1].astype("<f4").tobytes() * 8
        assert client.post(PATH, content=fits, headers=BINARY).status_code == 200
        answered = client.post(PATH, json=records(windows))
        assert answered.status_code == 413
        assert str(2**16) in answered.json()["detail"]
        assert client.post(PATH, content=fits, headers=BINARY).status_code == 200


def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(assessor: Assessor) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 2**24:
            sent += len(ONE)
            yield ONE

    async def body() -> None:
        app = create_app(assessor, ApiSettings(max_body=2**16))
        async with running(app) as client:
            answered = await client.post(PATH, content=endless(), headers=BINARY)
            assert answered.status_code == 413

    asyncio.run(asyncio.wait_for(body(), 60))
    assert sent <= 2**16 + 2 * len(ONE)


def test_overload_is_told_and_passes() -> None:
    held = HeldAssessor()
    # Room for two requests: each counts LEAST bytes.
    settings = ApiSettings(max_body=2 * LEAST, max_in_flight=2 * LEAST)

    async def body() -> None:
        async with running(create_app(held, settings)) as client:
            taken = [asyncio.create_task(post(client)) for _ in range(2)]
            await asyncio.to_thread(held.entered.wait, 30)
            while (refused := await post(client)).status_code != 503:
                await asyncio.sleep(0)
            assert int(refused.headers["Retry-After"]) > 0
            assert "network" in refused.json()["detail"]
            # Health is not one of the requests that wait.
            assert (await client.get("/healthz")).status_code == 200
            held.let.set()
            assert [(await task).status_code for task in taken] == [200, 200]
            assert (await post(client)).status_code == 200

    asyncio.run(asyncio.wait_for(body(), 60))


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(PATH, content=ONE, headers=BINARY)


def test_requests_in_flight_share_a_forward_pass() -> None:
    held = HeldAssessor()

    async def body() -> None:
        async with running(create_app(held, ApiSettings())) as client:
            first = asyncio.create_task(post(client))
            await asyncio.to_thread(held.entered.wait, 30)
            others = [asyncio.create_task(post(client)) for _ in range(10)]
            while (await client.get("/healthz")).json()["waiting"] < len(others):
                await asyncio.sleep(0)
            held.let.set()
            answers = await asyncio.gather(first, *others)
            assert {answered.status_code for answered in answers} == {200}

    asyncio.run(asyncio.wait_for(body(), 60))
    assert held.batches == [1, 10]


def test_a_slow_body_is_given_up(assessor: Assessor) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield ONE[:100]
        await asyncio.sleep(30)

    async def body() -> None:
        app = create_app(assessor, ApiSettings(body_timeout=0.05))
        async with running(app) as client:
            answered = await client.post(PATH, content=slow(), headers=BINARY)
            assert answered.status_code == 408

    asyncio.run(asyncio.wait_for(body(), 20))


@pytest.mark.parametrize("length", ["-5", "5e3", "1_0", "99999999999999999999"])
def test_a_strange_length_is_no_failure(client: Client, length: str) -> None:
    answered = client.post(PATH, content=b"[]", headers={**JSON, "Content-Length": length})
    assert answered.status_code in (200, 400, 413)


def test_room_is_given_back_whatever_happened() -> None:
    room = InFlight(10 * LEAST)
    for _ in range(100):
        with suppress(RuntimeError), room.reserved(6 * LEAST):
            raise RuntimeError
    with room.reserved(6 * LEAST):
        with pytest.raises(OverloadedError), room.reserved(5 * LEAST):
            pass
        with room.reserved(4 * LEAST), pytest.raises(OverloadedError), room.reserved(0):
            pass


def test_the_largest_body_must_have_room() -> None:
    with pytest.raises(ValidationError, match="max_in_flight"):
        ApiSettings(max_body=2**20, max_in_flight=2**19)


def test_a_refused_body_leaves_no_trace(assessor: Assessor) -> None:
    settings = ApiSettings(max_body=2 * LEAST, max_in_flight=2 * LEAST)
    with serving(create_app(assessor, settings)) as client:
        for _ in range(5):
            assert client.post(PATH, content=json.dumps([1]), headers=JSON).status_code == 422
            assert client.post(PATH, content=bytes(3 * LEAST), headers=BINARY).status_code == 413
        assert client.post(PATH, content=ONE, headers=BINARY).status_code == 200
