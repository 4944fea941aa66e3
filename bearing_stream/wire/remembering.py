"""Decode measurements of sensors that send the same headers with each."""

from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from bearing_stream.wire import headers as h
from bearing_stream.wire.decoder import (
    DEFAULT_LIMITS,
    MAX_HEADER_BYTES,
    checked_attributes,
    checked_samples,
)
from bearing_stream.wire.limits import MeasurementLimits
from bearing_stream.wire.measurement import MeasurementAttributes, Name, ShaftSpeed
from bearing_stream.wire.trace import is_trace_parent

MOST_REMEMBERED: Final = 8192
"""Sets of headers: one for each sensor, if its headers are always in the same order."""

MOST_REMEMBERED_BYTES: Final = 1024
"""Of names and values; longer headers are checked each time, so that memory stays below 32 MB."""


class _Own(TypedDict, total=False):
    """The fields of `MeasurementAttributes` that differ from measurement to measurement."""

    id: Name
    time: AwareDatetime
    shaft_speed: ShaftSpeed


_FIELDS: Final = {h.ID: "id", h.TIME: "time", h.SHAFT_SPEED: "shaft_speed"}
"""Header → its field of `_Own`."""

_OWN: Final = frozenset((*_FIELDS, h.TRACE_PARENT))
"""Headers that differ from measurement to measurement."""

_validated: Final = TypeAdapter(_Own).validator.validate_strings

_Key = tuple[h.Header | str, ...]
"""Headers in order; of those that differ from measurement to measurement, the name alone."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Headers that were checked.

    `attributes` are those of the measurement that had them first; `fields` and `traces` are the
    places of the headers to check each time, and the fields of the former.
    """

    attributes: MeasurementAttributes
    fields: tuple[tuple[int, str], ...]
    traces: tuple[int, ...]


class RememberingDecoder:
    """Decodes as `decode_measurement` does, and remembers the headers that it has checked.

    Of headers that it knows, only identity, time, shaft speed and trace context are checked. All
    others are checked in full, and so is every set of headers that is not valid throughout: what is
    wrong with a measurement is found, and worded, in one place.
    """

    def __init__(
        self, limits: MeasurementLimits = DEFAULT_LIMITS, most: int = MOST_REMEMBERED
    ) -> None:
        """Remember nothing yet.

        Args:
            limits: Of rate and length.
            most: Sets of headers that are remembered; the oldest is dropped for a new one.
        """
        self._limits = limits
        self._most = most
        self._known: dict[_Key, _Known] = {}

    def samples(self, attributes: MeasurementAttributes, value: bytes | None) -> NDArray[Any]:
        """Check the value of a measurement with valid headers; see `decode_measurement`."""
        return checked_samples(attributes, value, self._limits)

    def attributes(self, headers: h.Headers) -> MeasurementAttributes:
        """Check the headers of a measurement; see `decode_measurement`."""
        key = tuple([one[0] if one[0] in _OWN else one for one in headers])
        known = self._known.get(key)
        if known is not None and (own := _own(headers, known)) is not None:
            return known.attributes.with_fields(own)
        attributes = checked_attributes(headers, self._limits)
        if known is None and not attributes.ignored:
            self._remember(key, attributes)
        return attributes

    def _remember(self, key: _Key, attributes: MeasurementAttributes) -> None:
        if sum(map(_size, key)) > MOST_REMEMBERED_BYTES:
            return
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        fields = tuple((at, _FIELDS[one]) for at, one in enumerate(key) if one in _FIELDS)
        traces = tuple(at for at, one in enumerate(key) if one == h.TRACE_PARENT)
        self._known[key] = _Known(attributes, fields, traces)


def _own(headers: h.Headers, known: _Known) -> _Own | None:
    """Return what differs from measurement to measurement; None where some of it is not valid."""
    texts: dict[str, Any] = {}
    for at in known.traces:
        if not is_trace_parent(headers[at][1]):
            return None
    try:
        for at, field in known.fields:
            raw = headers[at][1]
            if raw is None or len(raw) > MAX_HEADER_BYTES:
                return None
            texts[field] = raw.decode()
        own: _Own = _validated(texts)
    except (UnicodeDecodeError, ValidationError):
        return None
    return own


def _size(part: h.Header | str) -> int:
    return len(part) if isinstance(part, str) else h.header_size(part)
