"""What happens in the calls of the clients: errors, and what others do meanwhile."""

from collections import deque
from collections.abc import Callable
from typing import Any

ANY_CALL = "any call"


class Faults:
    """By name of a client's call, what happens when it is called next."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Any]] = {}
        self._later: list[tuple[int, Callable[[], Any]]] = []
        self._is_happening = False
        self.calls = 0
        """Calls of all clients so far."""

    def happens_in(self, call: str, event: Any) -> None:
        """Let something happen in the next call of that name in which nothing happens yet.

        Args:
            call: The name of a call, or `ANY_CALL`.
            event: An exception, which is raised, or a function, which is called.
        """
        self._waiting.setdefault(call, deque()).append(event)

    def happens_after(self, calls: int, event: Callable[[], Any]) -> None:
        """Let something happen in a call of any name, after so many others."""
        self._later.append((self.calls + calls, event))

    def in_call(self, call: str) -> None:
        """Let happen what waits for this call. Calls made meanwhile go undisturbed."""
        if self._is_happening:
            return
        self.calls += 1
        due = [event for at, event in self._later if at < self.calls]
        self._later = [(at, event) for at, event in self._later if at >= self.calls]
        due += [
            self._waiting[name].popleft() for name in (ANY_CALL, call) if self._waiting.get(name)
        ]
        self._is_happening = True
        try:
            for event in due:
                if isinstance(event, BaseException):
                    raise event
                event()
        finally:
            self._is_happening = False

    def clear(self) -> None:
        """Let nothing more happen."""
        self._waiting.clear()
        self._later.clear()

    def __bool__(self) -> bool:
        return bool(self._later) or any(self._waiting.values())

    def values(self) -> list[Any]:
        """What still waits to happen."""
        return [*self._waiting.values(), *self._later]
