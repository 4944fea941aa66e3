"""A duration is given in seconds, or as text with a unit."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bearing_stream.config import Duration

ADAPTER: TypeAdapter[float] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("1s", 1.0), ("0.5s", 0.5), ("250ms", 0.25), (" 2 s ", 2.0), ("3", 3.0), (4, 4.0), (0.1, 0.1)],
)
def test_units_and_numbers(given: Any, seconds: float) -> None:
    assert ADAPTER.validate_python(given) == seconds


@pytest.mark.parametrize("given", ["", "s", "1m", "one", "0s", "-1s", "2h", "4000s", "nan", "infs"])
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(given)
