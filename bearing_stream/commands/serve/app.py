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
from bearing_stream.commands.serve.batcher import Batcher
from bearing_stream.commands.serve.bodies import InvalidBodyError, read_binary, read_json
from bearing_stream.commands.serve.in_flight import InFlight, OverloadedError
from bearing_stream.commands.serve.responses import (
    Analyst,
    DiagnosisResponse,
    HealthResponse,
    RecordDiagnosis,
    RequestedWindows,
)
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessor import Assessor

Decoder = Callable[[bytearray], NDArray[np.float32]]
"""Decodes a body into windows (n, 2048)."""

Sensor = Annotated[
    str,
    Query(
        max_length=1024, description="Id of the sensor, to select its row in the table of sensors"
    ),
]
Rpm = Annotated[
    float | None,
    Query(gt=0, allow_inf_nan=False, description="Shaft speed in revolutions a minute"),
]

SMALL: Final = 64 * 1024
"""Bytes of a body that is decoded in a fifth of a millisecond, so a thread does not pay off."""

RETRY_AFTER: Final = "1"
"""Seconds after which a client may retry a request to an overloaded service."""


class DiagnosisService:
    """The state that the routes share: the assessor, and its threads.

    Decoding a large body holds the global interpreter lock for some milliseconds in any thread.
    Only one body is decoded at a time, which bounds the memory; the network runs meanwhile.
    """

    def __init__(self, assessor: Assessor, settings: ApiSettings) -> None:
        """Prepare the service; `running` starts it."""
        self.settings = settings
        self.in_flight = InFlight(settings.max_in_flight)
        self._analyst = Analyst(assessor, settings.uncertain_as_unknown, settings.threads)
        self.batcher = Batcher[RequestedWindows, list[RecordDiagnosis]](
            self._analyst.analyse, settings.batch_size
        )
        self._decoding = ThreadPoolExecutor(1, thread_name_prefix="decoding")

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Run the threads while the application runs."""
        with self._decoding, closing(self._analyst):
            async with self.batcher:
                yield

    async def diagnose(
        self, request: Request, decode: Decoder, sensor: str, rpm: float
    ) -> DiagnosisResponse:
        """Receive the body of a request and diagnose its windows.

        Args:
            request: Its body is not received yet.
            decode: Decodes the body.
            sensor: Id of the sensor, `""` if the request does not name it.
            rpm: Shaft speed, NaN if the request does not state it.

        Raises:
            OverloadedError: The requests in progress leave no memory for the body.
            InvalidBodyError: The records cannot be diagnosed.
            HTTPException: The body is too large, or was not received in time.
        """
        stated = request.headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() else self.settings.max_body
        self._check_size(size)
        with self.in_flight.reserved(size):
            windows = await self._windows(await self._body(request), decode)
            started = time.monotonic()
            analysis = await self.batcher.submit(RequestedWindows(windows, sensor, rpm))
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
            raise HTTPException(408, f"The body was not received within {limit}") from None
        return body

    def _check_size(self, size: int) -> None:
        limit = self.settings.max_body
        if size > limit:
            raise HTTPException(
                413, f"Expected a body of at most {limit} bytes; send fewer records in a request"
            )

    async def _windows(self, body: bytearray, decode: Decoder) -> NDArray[np.float32]:
        if len(body) <= SMALL:
            return decode(body)
        return await asyncio.get_running_loop().run_in_executor(self._decoding, decode, body)


def create_app(assessor: Assessor, settings: ApiSettings) -> FastAPI:
    """Create the application for a loaded assessor."""
    service = DiagnosisService(assessor, settings)
    app = FastAPI(
        title="bearing-stream",
        summary="Diagnoses of rolling-element bearings from vibration windows.",
        version=version("bearing-stream"),
        lifespan=service.running,
    )

    @app.post("/batch_predict/", responses=openapi.RESPONSES, openapi_extra=openapi.REQUEST)
    async def batch_predict(request: Request, sensor: Sensor = "", rpm: Rpm = None) -> Response:
        """Diagnose records of 2048 samples each, taken at 12 kHz, in any unit."""
        response = await service.diagnose(request, _decoder(request), sensor, rpm or nan)
        return Response(to_json(response), media_type="application/json")

    @app.get("/healthz", responses=openapi.HEALTH)
    async def healthz(response: Response) -> HealthResponse:
        """Return whether the service processes requests, and its model."""
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
    app.add_exception_handler(ClientDisconnect, _disconnected)
    return app


def _decoder(request: Request) -> Decoder:
    """Choose by content type; without one, the body is JSON, as in the published interface."""
    content_type = request.headers.get("content-type", "application/json")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/octet-stream":
        return read_binary
    if media_type == "application/json" or media_type.endswith("+json"):
        return read_json
    raise HTTPException(
        415,
        f"Expected a content type of application/json or application/octet-stream (float32-le "
        f"windows back to back), got {media_type[:80]}",
    )


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBodyError)
    return JSONResponse({"detail": error.errors}, 422)


async def _overloaded(_request: Request, _error: Exception) -> Response:
    detail = "Too many requests are waiting for the network; retry later, or use another server"
    return JSONResponse({"detail": detail}, 503, {"Retry-After": RETRY_AFTER})


async def _disconnected(_request: Request, _error: Exception) -> Response:
    """Return a response that no client will receive: the connection is closed."""
    return Response(status_code=400)
