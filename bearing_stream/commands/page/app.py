"""The routes of the page."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.sse import EventSourceResponse
from fastapi.staticfiles import StaticFiles

from bearing_stream.commands.page.acting import ActingError, Operator, asked
from bearing_stream.commands.page.alarm_reader import AlarmThread
from bearing_stream.commands.page.fleet import Detail, Fleet
from bearing_stream.commands.page.guard import ACT, Guard
from bearing_stream.commands.page.history import VALUES
from bearing_stream.commands.page.reader import DiagnosisThread
from bearing_stream.commands.page.sensor import SensorKey
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.states import INSTRUMENT_STATES, LETTERS, MACHINE_STATES
from bearing_stream.commands.page.stream import MAX_STREAMS, Stream
from bearing_stream.commands.page.window import WindowError, WindowReader
from model.physics.gate import GATE
from model.physics.rule import Rule

STATIC: Final = Path(__file__).parent / "static"

MAX_BODY: Final = 16_384
"""Bytes of a request to act."""

ALIVE: Final = 10.0
"""Seconds without an event after which the process is stuck."""

THRESHOLDS: Final = {
    "race": Rule().race,
    "contested": Rule().contested,
    "elsewhere": Rule().elsewhere,
    "change": GATE,
    "novelty": 1.0,
}
"""Standard deviations beyond which the rule of physics decides, as in `Rule`; and the novelty
beyond which a diagnosis of the network is flagged by default."""

Text = Annotated[str, Query(max_length=4096)]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes share."""

    fleet: Fleet
    thread: DiagnosisThread
    alarms: AlarmThread
    stream: Stream
    windows: WindowReader
    operator: Operator

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Read and publish while the application runs."""
        self.thread.start()
        self.alarms.start()
        publishing = asyncio.create_task(self.stream.run())
        try:
            yield
        finally:
            publishing.cancel()
            with suppress(asyncio.CancelledError):
                await publishing
            self.windows.close()
            self.operator.close()
            self.alarms.stop()
            self.thread.stop()


def create_app(settings: PageSettings, parts: Parts) -> FastAPI:
    """Return the application; it starts the thread and the stream when it starts."""
    app = FastAPI(
        title="bearing-stream page",
        lifespan=parts.running,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_middleware(Guard, settings=settings)
    app.mount("/static", StaticFiles(directory=STATIC))
    _add_data(app, parts)
    _add_acting(app, settings, parts)
    _add_health(app, parts)

    @app.get("/")
    async def index() -> Response:
        """Return the page."""
        return FileResponse(STATIC / "index.html")

    return app


def _add_data(app: FastAPI, parts: Parts) -> None:
    def found(source: str, sensor: str, channel: str | None) -> Detail:
        detail = parts.fleet.detail(SensorKey(source, sensor, channel))
        if detail is None:
            raise HTTPException(404, "No diagnosis of this sensor has been read")
        return detail

    @app.get("/api/stream")
    async def stream(
        last_event_id: Annotated[str, Header(max_length=64)] = "",
        last: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        """Send what changes, as server-sent events; `last` is for a browser that has to reopen."""
        if parts.stream.browsers >= MAX_STREAMS:
            raise HTTPException(503, f"{MAX_STREAMS} browsers are connected; close one")
        events = parts.stream.events(last_event_id or last)
        return EventSourceResponse(events, headers={"X-Accel-Buffering": "no"})

    @app.get("/api/fleet")
    async def fleet() -> Response:
        """Return all sensors, groups and alarms, for programs."""
        return _json({**parts.stream.everything(), "status": parts.stream.status()})

    @app.get("/api/sensor")
    async def sensor(source: Text, sensor: Text, channel: Text | None = None) -> Response:
        """Return a sensor in full: its latest diagnosis and its history."""
        return _json(_detail(found(source, sensor, channel)))

    @app.get("/api/window")
    async def window(source: Text, sensor: Text, channel: Text | None = None) -> Response:
        """Return the latest measurement of a sensor, ready to draw, with its diagnosis."""
        diagnosis = found(source, sensor, channel).diagnosis
        try:
            figures = await parts.windows.read(diagnosis)
        except WindowError as error:
            raise HTTPException(error.status, str(error)) from error
        return _json(
            {"diagnosis": diagnosis.model_dump(mode="json"), "figures": msgspec.Raw(figures)}
        )


def _add_acting(app: FastAPI, settings: PageSettings, parts: Parts) -> None:
    def user(request: Request) -> str | None:
        """Return the name that the proxy states, if it does."""
        name = settings.trusted_header and request.headers.get(settings.trusted_header, "").strip()
        return name or None

    @app.get("/api/terms")
    async def terms(request: Request) -> Response:
        """Return what the states mean, the thresholds, and whether the person may act on alarms."""
        return _json(
            {
                "machine": MACHINE_STATES,
                "instrument": INSTRUMENT_STATES,
                "letters": LETTERS,
                "thresholds": THRESHOLDS,
                "acting": {"allowed": settings.lets_act, "user": user(request)},
            }
        )

    @app.post(ACT)
    async def act(request: Request) -> Response:
        """Acknowledge, shelve or unshelve an alarm, and return what came of it."""
        try:
            wish = asked(await _body(request))
            by = user(request) or wish.by
            if not by:
                raise ActingError(422, "by: state who you are")
            outcome = await parts.operator.act(wish, by)
        except ActingError as error:
            raise HTTPException(error.status, str(error)) from error
        return _json(outcome, {"done": 200, "pending": 202, "refused": 409}[outcome["outcome"]])


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413, f"Expected at most {MAX_BODY} bytes")
    return body


def _add_health(app: FastAPI, parts: Parts) -> None:
    @app.get("/livez")
    async def livez() -> Response:
        """Return whether the process works; a Kafka that is away does not matter."""
        stuck = time.monotonic() - parts.stream.ticked_at > ALIVE or parts.thread.failure
        return JSONResponse({"status": "stuck" if stuck else "ok"}, 503 if stuck else 200)

    @app.get("/readyz")
    async def readyz() -> Response:
        """Return whether the page shows the fleet as it is."""
        progress = parts.thread.progress
        ready = progress.is_current and not parts.thread.failure
        body = {"status": "ok" if ready else "not ready", **parts.stream.status()}
        return JSONResponse(body, 200 if ready else 503)


def _detail(detail: Detail) -> dict[str, Any]:
    points = detail.points
    return {
        "row": detail.row,
        "diagnosis": detail.diagnosis.model_dump(mode="json"),
        "times": [round(time, 3) for time in points.times.tolist()],
        "strip": "".join(LETTERS[code] for code in points.codes),
        "counts": points.counts.tolist(),
        "values": {
            name: [float(f"{value:.6g}") for value in points.values[:, column].tolist()]
            for column, name in enumerate(VALUES)
        },
    }


def _json(value: Any, status: int = 200) -> Response:
    # NaN is null.
    return Response(msgspec.json.encode(value), status, media_type="application/json")
