"""The examples that the documentation shows, as a reader copies them."""

import json
import re
from typing import Any

from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def diagnosis_example() -> dict[str, Any]:
    """Return the diagnosis that the page on the wire format shows."""
    page = (ROOT / "docs" / "wire-format.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example
    found: dict[str, Any] = json.loads(example[1])
    return found


def python_examples() -> list[str]:
    """Return the Python code in the README: a producer, then a subscriber."""
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)
