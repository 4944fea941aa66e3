"""What is committed with an offset: which log it belongs to, and what to check after a failure.

Kafka keeps a string with each committed offset. Here it holds a JSON object. A reader ignores
fields that it does not know, and a string of another tool counts as an empty object.
"""

import json
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class CommitNote:
    """The string that is committed with an offset.

    Args:
        log: Id of the topic that the offset belongs to; None where the broker gives none. A topic
            deleted and created anew has another id.
        first: Offset from which on results may be missing in the output, where a partition of the
            output has a single replica; None elsewhere.
        since: Milliseconds since the epoch at which the first result from `first` on was published.
    """

    log: str | None = None
    first: int | None = None
    since: int | None = None

    def encode(self) -> str:
        """Return the string to commit."""
        fields = {"log": self.log, "first": self.first, "since": self.since}
        known = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(known, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """Return what a committed string holds; an empty note if it is not one of ours."""
        try:
            found: Any = json.loads(text or "{}")
        except ValueError:
            return cls()
        if not isinstance(found, dict):
            return cls()
        log, first, since = found.get("log"), found.get("first"), found.get("since")
        return cls(
            log if isinstance(log, str) else None,
            first if isinstance(first, int) and first >= 0 else None,
            since if isinstance(since, int) and since >= 0 else None,
        )
