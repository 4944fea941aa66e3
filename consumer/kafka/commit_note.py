"""What is committed with an offset: which log it belongs to, and what to check after a failure.

Kafka keeps a string with each committed offset. Here it holds a JSON object. A reader ignores
fields that it does not know, and a string of another tool counts as an empty object.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

CLOCK_TOLERANCE: Final = 2_000
"""Milliseconds by which the clock that stamps the output may differ from that of this process."""


@dataclass(frozen=True, slots=True)
class CommitNote:
    """The string that is committed with an offset.

    Args:
        log: Id of the topic that the offset belongs to; None where the broker gives none. A topic
            deleted and created anew has another id.
        first: Offset from which on results may be missing in the output, where a partition of the
            output has a single replica; None elsewhere.
        since: Milliseconds since the epoch at which the first result from `first` on was published.
        born: Milliseconds since the epoch before which results are of another log that had the same
            name; None where that is long ago.
    """

    log: str | None = None
    first: int | None = None
    since: int | None = None
    born: int | None = None

    def encode(self) -> str:
        """Return the string to commit."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
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
        log = found.get("log")
        numbers = [found.get(name) for name in ("first", "since", "born")]
        return cls(
            log if isinstance(log, str) else None,
            *(one if isinstance(one, int) and one >= 0 else None for one in numbers),
        )
