"""A duration as a setting."""

from contextlib import suppress
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _seconds(value: Any) -> Any:
    """Return `1s`, `0.5s` or `250ms` in seconds; anything else as it is."""
    text = str(value).strip()
    for ending, factor in (("ms", 1e-3), ("s", 1.0)):
        if text.endswith(ending):
            with suppress(ValueError):
                return float(text.removesuffix(ending)) * factor
    return value


Duration = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=3600, allow_inf_nan=False)]
"""Seconds, up to an hour; also as text with the unit s or ms."""
