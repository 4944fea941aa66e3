"""Which things have changed since a version, so that a browser gets what it lacks and no more."""

from collections import OrderedDict
from itertools import chain, islice
from typing import Final, Generic, NamedTuple, TypeVar

Key = TypeVar("Key")

REMOVALS: Final = 10_000
"""Removed keys that are remembered."""


class Since(NamedTuple, Generic[Key]):
    """What has changed since a version."""

    changed: list[Key]
    removed: list[Key]


class Changes(Generic[Key]):
    """Numbers the changes of things by the version that publishes them.

    What is touched waits for a `publish`: what is urgent first, then in the order in which it was
    touched. Version 0 is empty.

    Attributes:
        version: Of the latest `publish`.
    """

    def __init__(self) -> None:
        self.version = 0
        self._urgent: dict[Key, None] = {}
        self._routine: dict[Key, None] = {}
        self._published: OrderedDict[Key, int] = OrderedDict()
        self._removed: OrderedDict[Key, int] = OrderedDict()
        self._removals_from = 0

    def touch(self, key: Key, urgent: bool = True) -> None:
        """Note that a thing has changed, or is new."""
        if urgent:
            self._routine.pop(key, None)
            self._urgent[key] = None
        elif key not in self._urgent:
            self._routine.setdefault(key)

    def remove(self, key: Key) -> None:
        """Note that a thing no longer exists."""
        self._urgent.pop(key, None)
        self._routine.pop(key, None)
        if self._published.pop(key, None) is not None:
            self._removed[key] = self.version + 1
        while len(self._removed) > REMOVALS:
            _, self._removals_from = self._removed.popitem(last=False)

    def publish(self, most: int | None = None) -> Since[Key]:
        """Begin the next version, and return what it publishes.

        Args:
            most: Things that are published at a time, urgent ones first; None for all.
        """
        self.version += 1
        chosen = list(islice(chain(self._urgent, self._routine), most))
        for key in chosen:
            self._urgent.pop(key, None)
            self._routine.pop(key, None)
            self._removed.pop(key, None)
            self._published[key] = self.version
            self._published.move_to_end(key)
        return Since(chosen, self._since(self._removed, self.version - 1))

    def since(self, version: int) -> Since[Key] | None:
        """Return what was published after a version; None if that cannot be known."""
        if version == 0:
            return Since(list(self._published), [])
        if not self._removals_from <= version <= self.version:
            return None
        return Since(self._since(self._published, version), self._since(self._removed, version))

    @staticmethod
    def _since(versions: OrderedDict[Key, int], version: int) -> list[Key]:
        found = []
        for key, at in reversed(versions.items()):
            if at <= version:
                break
            found.append(key)
        return found[::-1]
