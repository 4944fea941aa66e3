"""The statistics of librdkafka, as its clients report them."""

from collections.abc import Callable

from bearing_stream.observability import Response
from bearing_stream.observability.endpoint import JSON


class ClientStatistics:
    """The last report of each client."""

    def __init__(self) -> None:
        """Have none yet."""
        self._latest: dict[str, str] = {}

    def taker(self, client: str) -> Callable[[str], None]:
        """Return what takes the reports of a client: a JSON object each."""

        def take(report: str) -> None:
            self._latest[client] = report

        return take

    def respond(self, _accept: str = "") -> Response:
        """Respond to `/statistics`: client → its last report, unchanged; for any thread."""
        reports = ",".join(f'"{client}":{report}' for client, report in dict(self._latest).items())
        return Response(200, JSON, f"{{{reports}}}\n".encode())
