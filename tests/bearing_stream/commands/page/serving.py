"""The application without Kafka: the tests add diagnoses to its fleet themselves."""

from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI

from bearing_stream.commands.page.app import Parts, create_app
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.reader import DiagnosisThread, Progress
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.stream import Stream
from bearing_stream.commands.page.window import WindowReader
from model.sensors import load

CURRENT = Progress(lag=0, rebuilt=1.0)
"""Of a page that has read everything."""


def parts(settings: PageSettings, windows: WindowReader | None = None) -> Parts:
    """Return what the routes share; its thread is not started."""
    fleet = Fleet(settings.limits)
    thread = DiagnosisThread(settings, fleet, lambda: None)
    thread.progress = CURRENT
    stream = Stream(fleet, thread, settings.diagnoses_topic)
    return Parts(fleet, thread, stream, windows or WindowReader(settings, load()))


def application(**settings: Any) -> tuple[FastAPI, Parts]:
    """Return the application with some settings, and what its routes share."""
    chosen = PageSettings(**settings)
    shared = parts(chosen)
    return create_app(chosen, shared), shared


async def get(
    app: FastAPI,
    path: str,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    method: str = "GET",
) -> httpx.Response:
    """Send one request; the lifespan, which starts the thread, does not run."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8080") as client:
        return await client.request(method, path, headers=headers)
