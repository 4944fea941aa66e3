"""When the demo reached which step, and how long each took."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Moments:
    """Times in seconds since the epoch; None if a step was not reached."""

    consumer_started: float | None = None
    """Its process was started."""
    consumer_ready: float | None = None
    """It had loaded the model and begun to join its group."""
    group_joined: float | None = None
    """It was assigned partitions."""
    first_diagnosis: float | None = None
    """The subscriber read the first diagnosis."""
    caught_up: float | None = None
    """The subscriber read the last diagnosis of the backlog."""
    live_feed: float | None = None
    """Kafka timestamp of the first live window."""
    first_live_diagnosis: float | None = None
    """The subscriber read the first diagnosis of a live window."""

    def durations(self) -> dict[str, float | None]:
        """Return the seconds that each step took; None if its begin or end is not known."""
        return {
            "loading": _between(self.consumer_started, self.consumer_ready),
            "joining_the_group": _between(self.consumer_ready, self.group_joined),
            "start_to_first_diagnosis": _between(self.consumer_started, self.first_diagnosis),
            "start_to_caught_up": _between(self.consumer_started, self.caught_up),
            "start_to_first_live_diagnosis": _between(
                self.consumer_started, self.first_live_diagnosis
            ),
            "live_feed_to_first_live_diagnosis": _between(
                self.live_feed, self.first_live_diagnosis
            ),
        }


def ready_at(log: Path) -> float | None:
    """Return when the consumer logged the event `ready`; None if its log has no such line."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = _fields(line)
        if fields.get("event") == "ready":
            return datetime.fromisoformat(fields["timestamp"]).timestamp()
    return None


def _fields(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(end - begin, 3)
