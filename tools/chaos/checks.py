"""The check of a trial: what counts, and from where on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bearing_stream.commands.verify import Report, VerifySettings, verify
from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings

SETTLE: Final = 20.0
"""Seconds to wait for further results."""


@dataclass(slots=True)
class Checks:
    """Counts the results in the topics."""

    topics: TopicSettings
    guarantee: Guarantee
    from_offset: dict[int, int] = field(default_factory=dict)
    """Partition → the first offset whose window is checked, where the results of earlier windows
    were deleted."""
    versions: list[str] = field(default_factory=list)
    """Of the models, if there are several: the results of each are checked alone."""
    since: datetime | None = None
    """Only windows and results since this time count: the windows topic was created then."""

    def forget_windows(self) -> None:
        """Check only what is sent and diagnosed from now on: the windows topic was deleted."""
        self.since = datetime.now(UTC)
        self.from_offset = {}

    def run(self, **limits: Any) -> Report:
        """Check; return the first report that is wrong, if there is one.

        Args:
            **limits: Further settings of `verify`.
        """
        versions: list[str | None] = [*self.versions] or [None]
        reports = [self._run(limits | {"model_version": version}) for version in versions]
        return next((report for report in reports if report.wrong), reports[0])

    def _run(self, limits: dict[str, Any]) -> Report:
        given = self.topics.model_dump() | {
            "guarantee": self.guarantee,
            "from_offset": self.from_offset,
            "settle": SETTLE,
        }
        if self.since is not None:
            # One clock: the brokers are on this machine.
            given |= {"since": self.since, "clock_tolerance": 0.0}
        return verify(load(VerifySettings, given | limits))
