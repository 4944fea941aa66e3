"""How much may be in the works at once, in bytes, so that memory stays bounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LEAST: Final = 64 * 1024
"""Bytes that any request counts at least: what its connection and its handling take."""


class OverloadedError(Exception):
    """There is no room for another request at present."""


class InFlight:
    """Counts the bytes of the requests in the works. For use within one event loop."""

    def __init__(self, limit: int) -> None:
        """Let in requests of `limit` bytes altogether."""
        self._limit = limit
        self._taken = 0

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Keep `size` bytes for a request for as long as the context lasts.

        Raises:
            OverloadedError: There is no room. A request that is alone is always let in.
        """
        size = max(size, LEAST)
        if self._taken and self._taken + size > self._limit:
            raise OverloadedError
        self._taken += size
        try:
            yield
        finally:
            self._taken -= size
