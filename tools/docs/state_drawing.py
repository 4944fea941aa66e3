"""The drawing of the exactly-once side's states, made from its table of transitions.

`python -m tools.docs` writes it into the docs; a test holds the two together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consumer.delivery.states import TRANSITIONS, Event, State

PATH: Final = Path(__file__).parents[2] / "docs" / "images" / "states.svg"

WIDTH: Final = 980
HEIGHT: Final = 400
BOX: Final = (130, 40)

CENTRES: Final = {
    State.UNREGISTERED: (90, 90),
    State.UNSETTLED: (325, 180),
    State.IDLE: (420, 60),
    State.OPEN: (670, 60),
    State.COMMITTING: (670, 200),
    State.FAILED: (450, 330),
    State.CLOSED: (890, 330),
}
"""Where each state is drawn."""

STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #222; text-anchor: middle }
  .small { font-size: 10px; fill: #333; paint-order: stroke; stroke: #fff; stroke-width: 4 }
  .state { fill: #e8eaf6; stroke: #3f51b5; stroke-width: 1.5 }
  .broken { fill: #fff3e0; stroke: #ef6c00; stroke-width: 1.5 }
  .arrow { stroke: #444; stroke-width: 1.2; fill: none; marker-end: url(#state-head) }
  .failing { stroke: #ef6c00; stroke-dasharray: 5 3 }
"""


def drawing() -> str:
    """Return the SVG."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        "<title>The states of exactly once, and what moves it from one to another</title>\n"
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="state-head" markerWidth="8" markerHeight="8" refX="7" refY="4" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
    )
    return head + "\n".join([*_arrows(), *_states()]) + "\n</svg>\n"


def _states() -> Iterator[str]:
    width, height = BOX
    for state, (x, y) in CENTRES.items():
        kind = "broken" if state.needs_recovery else "state"
        yield (
            f'<rect class="{kind}" x="{x - width // 2}" y="{y - height // 2}" width="{width}" '
            f'height="{height}" rx="6"/>'
        )
        yield f'<text x="{x}" y="{y + 5}">{state}</text>'
    x, y = CENTRES[State.CLOSED]
    yield f'<text class="small" x="{x}" y="{y + 36}">from every state: {Event.CLOSED}</text>'


def _arrows() -> Iterator[str]:
    for (state, event), following in TRANSITIONS.items():
        if event is Event.CLOSED:
            continue
        kind = "arrow failing" if event is Event.FAILED else "arrow"
        if state is following:
            yield _loop(state, event, kind)
        else:
            yield _line(state, event, following, kind)


def _loop(state: State, event: Event, kind: str) -> str:
    x, y = CENTRES[state]
    right = x + BOX[0] // 2
    path = f"M{right},{y - 8} C{right + 36},{y - 24} {right + 36},{y + 24} {right},{y + 8}"
    label = f'<text class="small" x="{right + 62}" y="{y + 4}">{event}</text>'
    return f'<path class="{kind}" d="{path}"/>{label}'


def _line(state: State, event: Event, following: State, kind: str) -> str:
    # The way there and the way back run side by side.
    offset = 9 if list(State).index(state) < list(State).index(following) else -9
    (x0, y0), (x1, y1) = _edge(state, following, offset), _edge(following, state, offset)
    label = ""
    if event is not Event.FAILED:
        middle = f'x="{(x0 + x1) // 2}" y="{(y0 + y1) // 2 + (offset if y0 == y1 else 0) - 6}"'
        label = f'<text class="small" {middle}>{event}</text>'
    return f'<path class="{kind}" d="M{x0},{y0} L{x1},{y1}"/>{label}'


def _edge(state: State, towards: State, offset: int) -> tuple[int, int]:
    """Return where a line from the centre of a state to another one leaves its box."""
    (x, y), (to_x, to_y) = CENTRES[state], CENTRES[towards]
    dx, dy = to_x - x, to_y - y
    to_side = BOX[0] / 2 / abs(dx) if dx else float("inf")
    to_top = BOX[1] / 2 / abs(dy) if dy else float("inf")
    scale = min(to_side, to_top)
    along, across = (0, offset) if to_side < to_top else (offset, 0)
    return round(x + dx * scale) + along, round(y + dy * scale) + across
