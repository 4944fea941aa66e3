"""The drawing of how a window goes through the consumer, as an SVG.

`python -m tools.docs` writes it into the docs; a test holds the two together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).parents[2] / "docs" / "images" / "window.svg"

WIDTH: Final = 980
HEIGHT: Final = 330

STEPS: Final = (
    ("poll", "up to a batch"),
    ("decode", "and check"),
    ("batch", "full or caught up"),
    ("assess", "network or physics"),
    ("publish", "with one producer"),
    ("commit", "offsets"),
)
"""What the consumer does with a window, step by step."""

STEP_WIDTH: Final = 118
STEP_GAP: Final = 14
FRAME_LEFT: Final = 150
STEPS_LEFT: Final = FRAME_LEFT + 16
STEPS_TOP: Final = 60
STEP_HEIGHT: Final = 64
TOPICS_TOP: Final = 220

STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #222; text-anchor: middle }
  .small { font-size: 10px; fill: #555 }
  .step { fill: #fff; stroke: #3f51b5; stroke-width: 1.5 }
  .topic { fill: #e8eaf6; stroke: #3f51b5; stroke-width: 1.5 }
  .other { fill: #f5f5f5; stroke: #777 }
  .frame { fill: none; stroke: #999 }
  .transaction { fill: #fff3e0; stroke: #ef6c00; stroke-dasharray: 5 3 }
  .arrow { stroke: #444; stroke-width: 1.5; fill: none; marker-end: url(#head) }
"""


def drawing() -> str:
    """Return the SVG."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        "<title>How a window goes through the consumer</title>\n"
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
    )
    return head + "\n".join([*_consumer(), *_around()]) + "\n</svg>\n"


def _consumer() -> Iterator[str]:
    """Yield the frame of the consumer with its steps."""
    lefts = [STEPS_LEFT + i * (STEP_WIDTH + STEP_GAP) for i in range(len(STEPS))]
    right = lefts[-1] + STEP_WIDTH
    yield _box(FRAME_LEFT, 16, right + 16 - FRAME_LEFT, 150, "frame")
    yield _text((FRAME_LEFT + right) // 2, 34, "bearing-stream consume, one thread")
    yield _box(lefts[4] - 7, 42, right - lefts[4] + 14, 112, "transaction")
    yield _text(lefts[5] + STEP_WIDTH // 2, 143, "one Kafka transaction", "small")
    for left, (name, detail) in zip(lefts, STEPS, strict=True):
        yield _box(left, STEPS_TOP, STEP_WIDTH, STEP_HEIGHT, "step")
        yield _text(left + STEP_WIDTH // 2, STEPS_TOP + 28, name)
        yield _text(left + STEP_WIDTH // 2, STEPS_TOP + 46, detail, "small")
    middle = STEPS_TOP + STEP_HEIGHT // 2
    for left in lefts[1:]:
        yield _arrow(f"M{left - STEP_GAP},{middle} H{left}")
    publish = lefts[4] + STEP_WIDTH // 2
    yield _arrow(f"M{publish - 20},{STEPS_TOP + STEP_HEIGHT} V190 H440 V{TOPICS_TOP}")
    yield _arrow(f"M{publish + 20},{STEPS_TOP + STEP_HEIGHT} V{TOPICS_TOP}")
    yield _arrow(f"M75,{TOPICS_TOP} V{middle} H{lefts[0]}")


def _around() -> Iterator[str]:
    """Yield the topics, and who writes and reads them."""
    for left, name, detail in (
        (10, "bearing.windows", "2048 samples a message"),
        (365, "bearing.diagnoses", "JSON, read_committed"),
        (690, "bearing.dead-letters", "original, with the reason"),
    ):
        yield _box(left, TOPICS_TOP, 150, 46, "topic", 22)
        yield _text(left + 75, TOPICS_TOP + 21, name)
        yield _text(left + 75, TOPICS_TOP + 36, detail, "small")
    for left, name, upwards in (
        (10, "machines, or simulate", True),
        (365, "subscribers, watch", False),
        (690, "dead-letters redrive", False),
    ):
        yield _box(left, 292, 150, 28, "other")
        yield _text(left + 75, 310, name)
        yield _arrow(f"M{left + 75},{292} V{266}" if upwards else f"M{left + 75},{266} V{292}")


def _box(left: int, top: int, width: int, height: int, kind: str, radius: int = 5) -> str:
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" '
        f'rx="{radius}"/>'
    )


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text{f" class={kind!r}" if kind else ""} x="{x}" y="{y}">{text}</text>'


def _arrow(path: str) -> str:
    return f'<path class="arrow" d="{path}"/>'
