"""Fixtures and clients for the tests of the HTTP service."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray

from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessment import Assessment
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.examined import Examined

PATH = "/batch_predict/"
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="session")
def assessor() -> Assessor:
    return Assessor.load(device="cpu")


@pytest.fixture(scope="session")
def client(assessor: Assessor) -> Iterator["Client"]:
    """The service with its default settings."""
    with serving(create_app(assessor, ApiSettings())) as client:
        yield client


@pytest.fixture
def windows() -> NDArray[np.float32]:
    """Five windows (5, 2048) with clearly different probabilities."""
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(5, 2048)).cumsum(axis=1) * np.arange(5)[:, None]
    return np.asarray(noise + rng.normal(size=(5, 2048)), np.float32)


def records(windows: NDArray[Any]) -> list[dict[str, Any]]:
    return [{"record": window} for window in windows.tolist()]


class BlockedAssessor(Assessor):
    """Blocks until a test releases it, and records the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__(Diagnoser.load(device="cpu"))
        self.entered = threading.Event()
        self.released = threading.Event()
        self.batches: list[int] = []

    def assess(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        sensors: Sequence[str],
        counts: NDArray[np.int64] | None = None,
        examined: Examined | None = None,
    ) -> Assessment:
        self.batches.append(len(windows))
        self.entered.set()
        assert self.released.wait(30)
        return super().assess(windows, rpm, sensors, counts, examined)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application with a client, in the event loop of the test."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bearings") as client,
    ):
        yield client


class Client:
    """A client for synchronous tests; an exception of the application is raised."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def get(self, path: str) -> httpx.Response:
        return self._runner.run(self._client.get(path))

    def send(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Send a request; a redirect is not followed."""
        return self._runner.run(self._client.request(method, path, **sent))

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return self._runner.run(self._client.post(path, follow_redirects=True, **sent))


@contextmanager
def serving(app: FastAPI) -> Iterator[Client]:
    """Run the application in an event loop that runs during each request."""
    with asyncio.Runner() as runner:
        context = running(app)
        client = runner.run(context.__aenter__())
        try:
            yield Client(runner, client)
        finally:
            runner.run(context.__aexit__(None, None, None))
