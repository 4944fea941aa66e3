"""The comparison as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.bench.peers.contenders import CONSUME, COPY
from tools.bench.peers.summary import Row

OURS: Final = "#1f6f8b"
THEIRS: Final = "#b8b8b8"
LIMIT: Final = "#e0c070"


def draw(rows: Sequence[Row], sensors: int, conditions: str, path: Path) -> None:
    """Write a PNG file: windows a second, and the latency with this many sensors."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    fast = [row for row in rows if row.windows_per_second == row.windows_per_second][::-1]
    live = [row for row in rows if sensors in row.latencies][::-1]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(14, 0.42 * len(fast) + 1.8), width_ratios=(3, 2), layout="constrained"
    )
    names = [row.name + (" *" if row.disturbed else "") for row in fast]
    rates = [row.windows_per_second for row in fast]
    spread = [
        [row.windows_per_second - row.least for row in fast],
        [row.most - row.windows_per_second for row in fast],
    ]
    bars = left.barh(names, rates, xerr=spread, color=[_colour(row) for row in fast])
    left.bar_label(bars, [f" {rate:,.0f}" for rate in rates], padding=3)
    left.set_xlim(0, 1.15 * max([row.most for row in fast], default=1))
    left.set_title("windows a second (median, least and most)")
    for number, row in enumerate(live):
        p50, p99 = row.latencies[sensors]
        right.plot([p50, p99], [number, number], color=_colour(row), linewidth=6)
        right.annotate(f"  {p50:.0f} … {p99:.0f} ms", (p99, number), va="center")
    right.set_yticks(range(len(live)), [row.name for row in live])
    right.set_xscale("log")
    right.margins(x=0.35, y=0.2)
    right.set_title(f"latency, p50 to p99 ({sensors} sensors live)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    starred = "; * other work disturbed some runs" if any(row.disturbed for row in rows) else ""
    figure.supxlabel(conditions + starred, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _colour(row: Row) -> str:
    if row.name == COPY:
        return LIMIT
    return OURS if row.name.startswith((CONSUME, "HTTP, serve")) else THEIRS
