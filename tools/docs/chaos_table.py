"""The table of what the last suite of faults did, in the page on faults.

`python -m tools.docs.chaos_table` writes it there.
It stands between `<!-- chaos -->` and `<!-- end -->`, and is made of `out/chaos.json`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tools.chaos.results import HEADINGS, OUTPUT, cells

PAGE: Final = Path(__file__).parents[2] / "docs" / "under-faults.md"

MARKED: Final = re.compile(r"(<!-- chaos -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(entries: Sequence[dict[str, Any]]) -> str:
    """Return the entries as a table, with when and how they were made."""
    rows = [HEADINGS, ["---"] * 2 + ["---:"] * (len(HEADINGS) - 2), *map(cells, entries)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    dates = sorted({entry["date"] for entry in entries})
    commands = sorted({f"- `{entry['command']}`" for entry in entries})
    return "\n".join([*lines, "", f"Made {' and '.join(dates)} with:", "", *commands, "", ""])


def with_table(text: str, entries: Sequence[dict[str, Any]]) -> str:
    """Return the page with these entries in their place."""
    return MARKED.sub(lambda found: found[1] + markdown(entries) + found[2], text)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(), json.loads(OUTPUT.read_text())))
