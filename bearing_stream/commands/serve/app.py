"""The HTTP interface."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import version
from math import nan
from typing import Annotated, Final, Literal

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from bearing_stream.commands.serve import openapi
from bearing_stream.commands.serve.batcher import Batcher
from bearing_stream.commands.serve.bodies import (
    InvalidBodyError,
    Records,
    read_binary,
    read_json,
)
from bearing_stream.commands.serve.content import as_utf8, decompressed, is_compressed
from bearing_stream.commands.serve.docs_page import page
from bearing_stream.commands.serve.in_flight import InFlight, OverloadedError
from bearing_stream.commands.serve.measurements import (
    read_binary_measurement,
    read_json_measurements,
)
from bearing_stream.commands.serve.responses import (
    AliveResponse,
    Analyst,
    DiagnosisResponse,
    HealthResponse,
    RecordDiagnosis,
    RequestedRecords,
)
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.wire import MeasurementLimits
from model.assessor import Assessor


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes a body into its records."""

    decode: Callable[[bytes | bytearray], Records]
    compressed: bool
    """Whether the body is compressed, and may need `max_body` bytes of memory at any size."""


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

LIMITS: Final = MeasurementLimits()
"""The defaults of the consumer."""

Rate = Annotated[
    float | None,
    Query(
        ge=LIMITS.min_sampling_rate,
        le=LIMITS.max_sampling_rate,
        allow_inf_nan=False,
        description="Sampling rate in Hz. With it a record may be of any length from one window "
        "on (2048 samples at 12 kHz), and a binary body is one measurement",
    ),
]
UnitName = Annotated[
    Literal["g", "m/s2", "counts"] | None,
    Query(description="Unit of the samples; of g and m/s2 there is a velocity"),
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
        self.batcher = Batcher[RequestedRecords, list[RecordDiagnosis]](
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
        self, request: Request, decoder: Decoder, sensor: str, rpm: float, unit: str | None = None
    ) -> DiagnosisResponse:
        """Receive the body of a request and diagnose its records.

        Args:
            request: Its body is not received yet.
            decoder: Decodes the body.
            sensor: Id of the sensor, `""` if the request does not name it.
            rpm: Shaft speed, NaN if the request does not state it.
            unit: Of the samples, None if the request does not state it.

        Raises:
            OverloadedError: The requests in progress leave no memory for the body.
            InvalidBodyError: The records cannot be diagnosed.
            HTTPException: The body is too large, was not received in time, or is not in the
                encoding that its headers state.
        """
        stated = request.headers.get("content-length", "")
        size = int(stated) if stated.isdecimal() else self.settings.max_body
        self._check_size(size)
        content = self.settings.max_body if decoder.compressed else 0
        with self.in_flight.reserved(size + content):
            records = await self._records(await self._body(request), decoder)
            started = time.monotonic()
            analysis = await self.batcher.submit(RequestedRecords(records, sensor, rpm, unit))
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

    async def _records(self, body: bytearray, decoder: Decoder) -> Records:
        if len(body) <= SMALL and not decoder.compressed:
            return decoder.decode(body)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._decoding, decoder.decode, body)


def create_app(assessor: Assessor, settings: ApiSettings) -> FastAPI:
    """Create the application for a loaded assessor."""
    service = DiagnosisService(assessor, settings)
    app = FastAPI(
        title="bearing-stream",
        summary="Diagnoses of rolling-element bearings from vibration windows.",
        version=version("bearing-stream"),
        lifespan=service.running,
        # FastAPI's own pages load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Content-Type", "Content-Encoding"],
        )

    @app.post("/batch_predict", include_in_schema=False)
    @app.post("/batch_predict/", responses=openapi.RESPONSES, openapi_extra=openapi.REQUEST)
    async def batch_predict(
        request: Request,
        sensor: Sensor = "",
        rpm: Rpm = None,
        sampling_rate: Rate = None,
        unit: UnitName = None,
    ) -> Response:
        """Diagnose records, by default of 2048 samples each, taken at 12 kHz, in any unit."""
        decoder = _decoder(request, settings.max_body, sampling_rate)
        response = await service.diagnose(request, decoder, sensor, rpm or nan, unit)
        return Response(to_json(response), media_type="application/json")

    @app.head("/livez", include_in_schema=False)
    @app.get("/livez")
    async def livez() -> AliveResponse:
        """Return that the process responds; a load that it cannot take does not change that."""
        return {"status": "alive"}

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", responses=openapi.HEALTH)
    @app.head("/healthz", include_in_schema=False)
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
                "backend": assessor.backend,
            },
        }

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """Describe the interface, without anything from another host."""
        return HTMLResponse(page(app.openapi()))

    app.add_exception_handler(InvalidBodyError, _invalid)
    app.add_exception_handler(OverloadedError, _overloaded)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    return app


def _decoder(request: Request, limit: int, sampling_rate: float | None) -> Decoder:
    """Choose by the headers; without a content type, the body is JSON, as originally published."""
    content_type = Message()
    content_type["Content-Type"] = request.headers.get("content-type", "application/json")
    media_type, charset = content_type.get_content_type(), content_type.get_content_charset("")
    compressed = is_compressed(request.headers.get("content-encoding", ""))

    def content(body: bytes | bytearray) -> bytes | bytearray:
        return decompressed(body, limit) if compressed else body

    def from_binary(body: bytes | bytearray) -> Records:
        if sampling_rate is None:
            return Records.single(read_binary(content(body)))
        return read_binary_measurement(content(body), sampling_rate)

    def from_json(body: bytes | bytearray) -> Records:
        text = as_utf8(content(body), charset)
        if sampling_rate is None:
            return Records.single(read_json(text))
        return read_json_measurements(text, sampling_rate)

    if media_type == "application/octet-stream":
        return Decoder(from_binary, compressed)
    if media_type == "application/json" or media_type.endswith("+json"):
        return Decoder(from_json, compressed)
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
