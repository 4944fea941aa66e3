"""Limits the bytes of all requests in progress, so that memory is bounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MIN_SIZE: Final = 64 * 1024
"""Bytes that any request counts at least, for its connection and its processing."""


class OverloadedError(Exception):
    """The limit does not allow another request now."""


class InFlight:
    """Counts the bytes of the requests in progress. For use within one event loop."""

    def __init__(self, limit: int) -> None:
        """Allow requests of `limit` bytes in total."""
        self._limit = limit
        self._reserved = 0

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes for a request until the context ends.

        Raises:
            OverloadedError: The limit would be exceeded. A single request is always allowed.
        """
        size = max(size, MIN_SIZE)
        if self._reserved and self._reserved + size > self._limit:
            raise OverloadedError
        self._reserved += size
        try:
            yield
        finally:
            self._reserved -= size
