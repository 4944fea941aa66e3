"""The statistics of librdkafka, as its clients report them."""

from typing import Any

from bearing_stream.observability import Response
from bearing_stream.observability.endpoint import JSON


class ClientStatistics:
    """The last report of each client."""

    def __init__(self) -> None:
        """Have none yet."""
        self._latest: dict[str, str] = {}

    def properties(self, client: str, interval: float | None) -> dict[str, Any]:
        """Return the properties with which a client reports, every `interval` seconds if given."""
        if interval is None:
            return {}

        def take(report: str) -> None:
            self._latest[client] = report

        return {"statistics.interval.ms": round(interval * 1000), "stats_cb": take}

    def respond(self, _accept: str = "") -> Response:
        """Respond to `/statistics`: client → its last report, unchanged; for any thread."""
        reports = ",".join(f'"{client}":{report}' for client, report in dict(self._latest).items())
        return Response(200, JSON, f"{{{reports}}}\n".encode())
