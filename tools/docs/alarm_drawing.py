"""The drawing of how the display state of an alarm follows from its conditions.

It is made from the order in `bearing_stream.alarms.states`; `python -m tools.docs` writes it into
the docs, and a test holds the two together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bearing_stream.alarms.states import ORDER
from bearing_stream.wire.alarm_terms import ANNUNCIATED

PATH: Final = Path(__file__).parents[2] / "docs" / "images" / "alarm-states.svg"

WIDTH: Final = 560
ROW: Final = 44
BOX: Final = (190, 30)

STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #222; text-anchor: middle }
  .small { font-size: 10px; fill: #333 }
  .condition { fill: #fff; stroke: #3f51b5; stroke-width: 1.5 }
  .hidden { fill: #f5f5f5; stroke: #777; stroke-width: 1.5 }
  .shown { fill: #fff3e0; stroke: #ef6c00; stroke-width: 1.5 }
  .arrow { stroke: #444; stroke-width: 1.2; fill: none; marker-end: url(#alarm-head) }
"""


def drawing() -> str:
    """Return the SVG."""
    height = ROW * len(ORDER) + 36
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        "<title>The display state of an alarm: the first condition that holds</title>\n"
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="alarm-head" markerWidth="8" markerHeight="8" refX="7" refY="4" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        '<text class="small" x="430" y="16">orange: displayed to operators</text>\n'
    )
    return head + "\n".join(_rows()) + "\n</svg>\n"


def _rows() -> Iterator[str]:
    width, height = BOX
    left, right = 20, WIDTH - 20 - width
    for place, (state, words, _) in enumerate(ORDER):
        top = 26 + place * ROW
        middle = top + height // 2
        kind = "shown" if state in ANNUNCIATED else "hidden"
        yield _box(left, top, words, "condition")
        yield _box(right, top, state, kind)
        yield f'<path class="arrow" d="M{left + width},{middle} H{right}"/>'
        yield f'<text class="small" x="{(left + width + right) // 2}" y="{middle - 4}">yes</text>'
        if place < len(ORDER) - 1:
            centre = left + width // 2
            yield f'<path class="arrow" d="M{centre},{top + height} V{top + ROW}"/>'
            yield f'<text class="small" x="{centre + 14}" y="{top + height + 11}">no</text>'


def _box(left: int, top: int, text: str, kind: str) -> str:
    width, height = BOX
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="5"/>'
        f'<text x="{left + width // 2}" y="{top + 20}">{text}</text>'
    )
