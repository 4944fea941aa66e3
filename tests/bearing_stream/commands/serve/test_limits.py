"""Too many, too large or too slow requests are refused, and their bytes are released."""

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
from bearing_stream.commands.serve.in_flight import MIN_SIZE, InFlight, OverloadedError
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessor import Assessor
from tests.bearing_stream.commands.serve.conftest import (
    BINARY,
    JSON,
    PATH,
    BlockedAssessor,
    Client,
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
        response = client.post(PATH, json=records(windows))
        assert response.status_code == 413
        assert str(2**16) in response.json()["detail"]
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
            response = await client.post(PATH, content=endless(), headers=BINARY)
            assert response.status_code == 413

    asyncio.run(asyncio.wait_for(body(), 60))
    assert sent <= 2**16 + 2 * len(ONE)


def test_overload_is_reported_and_temporary() -> None:
    blocked = BlockedAssessor()
    # Two requests fit: each counts MIN_SIZE bytes.
    settings = ApiSettings(max_body=2 * MIN_SIZE, max_in_flight=2 * MIN_SIZE)

    async def body() -> None:
        async with running(create_app(blocked, settings)) as client:
            accepted = [asyncio.create_task(post(client)) for _ in range(2)]
            await asyncio.to_thread(blocked.entered.wait, 30)
            while (refused := await post(client)).status_code != 503:
                await asyncio.sleep(0)
            assert int(refused.headers["Retry-After"]) > 0
            assert "network" in refused.json()["detail"]
            # Health is not one of the requests that wait.
            assert (await client.get("/healthz")).status_code == 200
            blocked.released.set()
            assert [(await task).status_code for task in accepted] == [200, 200]
            assert (await post(client)).status_code == 200

    asyncio.run(asyncio.wait_for(body(), 60))


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(PATH, content=ONE, headers=BINARY)


def test_concurrent_requests_share_a_forward_pass() -> None:
    blocked = BlockedAssessor()

    async def body() -> None:
        async with running(create_app(blocked, ApiSettings())) as client:
            first = asyncio.create_task(post(client))
            await asyncio.to_thread(blocked.entered.wait, 30)
            others = [asyncio.create_task(post(client)) for _ in range(10)]
            while (await client.get("/healthz")).json()["waiting"] < len(others):
                await asyncio.sleep(0)
            blocked.released.set()
            responses = await asyncio.gather(first, *others)
            assert {response.status_code for response in responses} == {200}

    asyncio.run(asyncio.wait_for(body(), 60))
    assert blocked.batches == [1, 10]


def test_a_slow_body_is_refused(assessor: Assessor) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield ONE[:100]
        await asyncio.sleep(30)

    async def body() -> None:
        app = create_app(assessor, ApiSettings(body_timeout=0.05))
        async with running(app) as client:
            response = await client.post(PATH, content=slow(), headers=BINARY)
            assert response.status_code == 408

    asyncio.run(asyncio.wait_for(body(), 20))


@pytest.mark.parametrize("length", ["-5", "5e3", "1_0", "99999999999999999999"])
def test_an_invalid_length_does_not_fail(client: Client, length: str) -> None:
    response = client.post(PATH, content=b"[]", headers={**JSON, "Content-Length": length})
    assert response.status_code in (200, 400, 413)


def test_reserved_bytes_are_released_after_an_exception() -> None:
    in_flight = InFlight(10 * MIN_SIZE)
    for _ in range(100):
        with suppress(RuntimeError), in_flight.reserved(6 * MIN_SIZE):
            raise RuntimeError
    with in_flight.reserved(6 * MIN_SIZE):
        with pytest.raises(OverloadedError), in_flight.reserved(5 * MIN_SIZE):
            pass
        with (
            in_flight.reserved(4 * MIN_SIZE),
            pytest.raises(OverloadedError),
            in_flight.reserved(0),
        ):
            pass


def test_the_largest_body_must_fit_the_limit() -> None:
    with pytest.raises(ValidationError, match="max_in_flight"):
        ApiSettings(max_body=2**20, max_in_flight=2**19)


def test_a_refused_body_releases_its_bytes(assessor: Assessor) -> None:
    settings = ApiSettings(max_body=2 * MIN_SIZE, max_in_flight=2 * MIN_SIZE)
    with serving(create_app(assessor, settings)) as client:
        for _ in range(5):
            assert client.post(PATH, content=json.dumps([1]), headers=JSON).status_code == 422
            assert client.post(PATH, content=bytes(3 * MIN_SIZE), headers=BINARY).status_code == 413
        assert client.post(PATH, content=ONE, headers=BINARY).status_code == 200
