"""The HTTP interface."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from importlib.metadata import version
from math import nan
from typing import Annotated, Final

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from numpy.typing import NDArray
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from bearing_stream.commands.serve import openapi
from bearing_stream.commands.serve.answers import Analyst, Answer, Health, RecordAnswer, Records
from bearing_stream.commands.serve.batcher import Batcher
from bearing_stream.commands.serve.bodies import InvalidBodyError, read_binary, read_json
from bearing_stream.commands.serve.in_flight import InFlight, OverloadedError
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessor import Assessor

Reader = Callable[[bytearray], NDArray[np.float32]]
"""From a body to windows (n, 2048)."""

Sensor = Annotated[
    str, Query(max_length=1024, description="Id of the sensor, for its row of the table of sensors")
]
Rpm = Annotated[
    float | None,
    Query(gt=0, allow_inf_nan=False, description="Shaft speed in revolutions a minute"),
]

SMALL: Final = 64 * 1024
"""Bytes that are read in a fifth of a millisecond: a thread would not be worth its while."""

RETRY_AFTER: Final = "1"
"""Seconds after which an overloaded service may be tried again."""


class Service:
    """What the routes share: the assessor, and the threads that work for it.

    Reading a body of many records keeps Python to itself for some milliseconds whatever the
    thread; only one is read at a time, so that memory stays bounded, and the network computes on.
    """

    def __init__(self, assessor: Assessor, settings: ApiSettings) -> None:
        """Set up around `assessor`, without starting."""
        self.settings = settings
        self.in_flight = InFlight(settings.max_in_flight)
        self._analyst = Analyst(assessor, settings.uncertain_as_unknown, settings.threads)
        self.batcher = Batcher[Records, list[RecordAnswer]](
            self._analyst.analyse, settings.batch_size
        )
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="reading")

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Run the threads for as long as the application runs."""
        with self._reading, closing(self._analyst):
            async with self.batcher:
                yield

    async def answer(self, request: Request, read: Reader, sensor: str, rpm: float) -> Answer:
        """Take a request's body and diagnose its windows.

        Args:
            request: Its body not read yet.
            read: How to read its body.
            sensor: Id of the sensor, `""` where it is not told.
            rpm: Shaft speed, NaN where it is not told.

        Raises:
            OverloadedError: There is no room for its body.
            InvalidBodyError: Its records cannot be diagnosed.
            HTTPException: Its body is too large, or did not come in time.
        """
        stated = request.headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() else self.settings.max_body
        self._check_size(size)
        with self.in_flight.reserved(size):
            windows = await self._windows(await self._body(request), read)
            started = time.monotonic()
            analysis = await self.batcher.answer(Records(windows, sensor, rpm))
            milliseconds = 1000 * (time.monotonic() - started)
            return {"Analysis": analysis, "Execution Time": milliseconds}

    async def _body(self, request: Request) -> bytearray:
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.body_timeout):
                async for chunk in request.stream():
                    body += chunk
                    self._check_size(len(body))
        except TimeoutError:
            limit = f"{self.settings.body_timeout:g} s"
            raise HTTPException(408, f"The body did not come within {limit}") from None
        return body

    def _check_size(self, size: int) -> None:
        limit = self.settings.max_body
        if size > limit:
            raise HTTPException(
                413, f"Expected a body of at most {limit} bytes; send fewer records in a request"
            )

    async def _windows(self, body: bytearray, read: Reader) -> NDArray[np.float32]:
        if len(body) <= SMALL:
            return read(body)
        return await asyncio.get_running_loop().run_in_executor(self._reading, read, body)


def create_app(assessor: Assessor, settings: ApiSettings) -> FastAPI:
    """Build the application around an assessor that is loaded."""
    service = Service(assessor, settings)
    app = FastAPI(
        title="bearing-stream",
        summary="Diagnoses of rolling-element bearings from vibration windows.",
        version=version("bearing-stream"),
        lifespan=service.running,
    )

    @app.post("/batch_predict/", responses=openapi.RESPONSES, openapi_extra=openapi.REQUEST)
    async def batch_predict(request: Request, sensor: Sensor = "", rpm: Rpm = None) -> Response:
        """Diagnose records of 2048 samples each, taken at 12 kHz, in any unit."""
        answer = await service.answer(request, _reader(request), sensor, rpm or nan)
        return Response(to_json(answer), media_type="application/json")

    @app.get("/healthz", responses=openapi.HEALTH)
    async def healthz(response: Response) -> Health:
        """Say whether requests are being answered, and by what."""
        working = service.batcher.working
        response.status_code = 200 if working else 503
        return {
            "status": "ok" if working else "not working",
            "waiting": service.batcher.waiting,
            "model": {
                "name": assessor.name,
                "version": assessor.version,
                "device": assessor.device,
            },
        }

    app.add_exception_handler(InvalidBodyError, _invalid)
    app.add_exception_handler(OverloadedError, _overloaded)
    app.add_exception_handler(ClientDisconnect, _gone)
    return app


def _reader(request: Request) -> Reader:
    """Choose by content type; as ever, a body that does not say what it is is JSON."""
    content_type = request.headers.get("content-type", "application/json")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/octet-stream":
        return read_binary
    if media_type == "application/json" or media_type.endswith("+json"):
        return read_json
    raise HTTPException(
        415,
        f"Expected a content type of application/json or application/octet-stream (float32-le "
        f"windows back to back), came {media_type[:80]}",
    )


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    return JSONResponse({"detail": error.errors}, 422)


async def _overloaded(_request: Request, _error: Exception) -> Response:
    detail = "Too much is waiting for the network already; come again, or ask another server"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": RETRY_AFTER})


async def _gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked has closed the connection: nobody will read this."""
    return Response(status_code=400)
