"""Asks a stage for its metrics and its health, as Prometheus and Kubernetes do."""

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from consumer.events import METRICS_SERVED
from tests.kafka_tools import PATIENCE, eventually
from tools.chaos.member import Member

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Name and labels of each sample → its value."""


class Reply(NamedTuple):
    """A response."""

    status: int
    content_type: str
    text: str

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.text)


def get(url: str, accept: str = "*/*") -> Reply:
    """Ask for a page; a status of failure is a response too."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Reply(
                response.status, response.headers["Content-Type"], response.read().decode()
            )
    except urllib.error.HTTPError as failure:
        with failure:
            return Reply(failure.code, failure.headers["Content-Type"], failure.read().decode())


def address_of(stage: Member) -> str:
    """Return where a stage with `--metrics-port=0` serves its metrics."""
    stage.await_event(METRICS_SERVED, limit=PATIENCE)
    return str(stage.events(METRICS_SERVED)[0]["address"])


def samples(address: str) -> Samples:
    """Return the samples of a scrape."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(get(f"{address}/metrics").text)
        for sample in family.samples
    }


def total(found: Samples, name: str) -> float:
    """Return the sum of a metric over its labels."""
    return sum(value for (one, _), value in found.items() if one == f"bearing_stream_{name}")


def await_ready(address: str) -> None:
    """Wait until a stage is ready."""
    eventually(lambda: get(f"{address}/readyz").status == 200, "the stage is ready")
