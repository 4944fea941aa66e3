"""The application without Kafka: the tests add diagnoses to its fleet themselves."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from bearing_stream.commands.alarms import acting
from bearing_stream.commands.http_server import address, listening
from bearing_stream.commands.page.acting import Operator, Sender
from bearing_stream.commands.page.alarm_reader import AlarmThread, Reading
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.commands.page.app import Parts, create_app
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.reader import DiagnosisThread, Progress
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.stream import Stream
from bearing_stream.commands.page.window import WindowReader
from model.sensors import load

CURRENT = Progress(lag=0, rebuilt=1.0)
"""Of a page that has read everything."""


class IdleThread(DiagnosisThread):
    """Reads nothing, and has read everything."""

    def __init__(self, settings: PageSettings, fleet: Fleet) -> None:
        super().__init__(settings, fleet, lambda: None)
        self.progress = CURRENT

    def run(self) -> None:
        self._stopping.wait()


class IdleAlarmThread(AlarmThread):
    """Reads nothing, and there is no topic of alarms."""

    def __init__(self, settings: PageSettings) -> None:
        super().__init__(settings, AlarmTable(settings.max_sensors))
        self.reading = Reading("missing")

    def run(self) -> None:
        self._stopping.wait()


def parts(settings: PageSettings, send: Sender = acting.send) -> Parts:
    """Return what the routes share; nothing reads from Kafka."""
    fleet = Fleet(settings.limits)
    thread, alarms = IdleThread(settings, fleet), IdleAlarmThread(settings)
    stream = Stream(fleet, thread, alarms, settings.diagnoses_topic)
    windows = WindowReader(settings, load())
    return Parts(fleet, thread, alarms, stream, windows, Operator(settings, alarms.table, send))


def application(send: Sender = acting.send, **settings: Any) -> tuple[FastAPI, Parts]:
    """Return the application with some settings, and what its routes share."""
    chosen = PageSettings(**settings)
    shared = parts(chosen, send)
    return create_app(chosen, shared), shared


async def get(
    app: FastAPI,
    path: str,
    headers: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    method: str = "GET",
    content: bytes | None = None,
) -> httpx.Response:
    """Send one request; the lifespan, which starts the thread, does not run."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8080") as client:
        return await client.request(method, path, headers=headers, content=content)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the tests: this is not the main thread."""
        yield


@contextmanager
def served(app: FastAPI, shared: Parts) -> Iterator[str]:
    """Serve an application in a thread, and yield its address."""
    with listening("127.0.0.1", 0) as listener:
        server = _Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield address(listener)
        finally:
            shared.stream.close()
            server.should_exit = True
            thread.join()
