"""What the stage counts, in addition to what the loop does."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from consumer.metrics import Metrics


@dataclass
class AlarmMetrics(Metrics):
    """Counts since the start. `windows` are diagnoses here."""

    alarm_events: Counter[str] = field(default_factory=Counter)
    """Events committed, by `KIND EVENT`."""
    reflected: int = 0
    """Diagnoses that the committed state reflects; after a restart they are not read again."""
    commands: int = 0
    """Commands taken."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Input without effect, by reason: see `alarms.engine.Engine.counts`; and `unreadable`."""
    checkpoints: int = 0
    """Times that the state of all sensors of a partition was written."""
    restored: int = 0
    """Sensors whose state was read."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a log line."""
        left_out = ("diagnosed", "uncertain", "dead_letters", "ignored_headers", "windows")
        counts = super().as_dict()
        counts |= {"alarm_events": dict(self.alarm_events), "ignored": dict(self.ignored)}
        kept = {name: value for name, value in counts.items() if name not in left_out}
        del kept["inference_seconds"]
        return kept | {"diagnoses": self.windows}
