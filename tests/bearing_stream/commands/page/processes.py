"""`bearing-stream page` as a process."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bearing_stream.commands.page.guard import ACT
from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.program import PROGRAM
from tests.kafka_tools import Topics, eventually


@contextmanager
def page(
    topics: Topics,
    *options: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator["PageProcess"]:
    """Run the command, and wait until it is ready.

    Args:
        topics: Its topics; the connection too, unless `environment` has it.
        options: Further ones.
        port: To listen on; a free one by default.
        environment: Variables to add.
    """
    given = [
        f"--{name.replace('_', '-')}={value}" for name, value in topics.settings.items() if value
    ]
    chosen = port or free_ports(1)[0]
    with subprocess.Popen(
        [*PROGRAM, "page", *given, f"--port={chosen}", "--log-format=json", *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        running = PageProcess(process, f"http://127.0.0.1:{chosen}")
        try:
            assert process.stderr
            for line in process.stderr:
                if '"event": "ready"' in line:
                    break
            yield running
        finally:
            process.kill()


class PageProcess:
    """A running page."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def get(self, path: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def act(self, token: str, **wish: Any) -> tuple[int, Any]:
        """Ask something of an alarm, and return the status and what came of it."""
        request = urllib.request.Request(
            self.url + ACT,
            json.dumps(wish).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def is_ready(self) -> bool:
        try:
            return bool(self.get("/readyz")["status"] == "ok")
        except urllib.error.HTTPError:
            return False

    def status(self) -> Any:
        """What the page knows of Kafka and the topics."""
        return self.get("/api/fleet")["status"]

    def sensors(self) -> dict[str, Any]:
        return {row["sensor"]: row for row in self.get("/api/fleet")["rows"]}

    def await_sensors(self, names: set[str]) -> None:
        eventually(lambda: self.sensors().keys() == names, f"the page has {names}")
