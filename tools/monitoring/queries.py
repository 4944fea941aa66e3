"""Expressions and panels that dashboards have in common."""

from typing import Final

from tools.monitoring.panel import Panel, Query, Unit

RECENT: Final = "$__rate_interval"
"""The shortest time over which Grafana's graph can show a rate."""


def quantile(metric: str, share: float, by: str = "le", over: str = RECENT) -> str:
    """Return a quantile of a histogram, for each value of the labels `by` but `le`."""
    rates = f"rate(bearing_stream_{metric}_bucket{{}}[{over}])"
    return f"histogram_quantile({share}, sum by ({by}) ({rates}))"


def rate(metric: str, by: str = "") -> str:
    """Return the rate of a counter in a second, for each value of the labels `by`."""
    rates = f"rate(bearing_stream_{metric}{{}}[{RECENT}])"
    return f"sum by ({by}) ({rates})" if by else f"sum({rates})"


def times(title: str, meaning: str, metric: str, width: int = 8) -> Panel:
    """Return a graph of how a duration is distributed, with its 99th percentile."""
    return Panel(
        title,
        meaning,
        tuple(Query(quantile(metric, share), f"p{100 * share:g}") for share in (0.5, 0.95, 0.99)),
        "s",
        width=width,
    )


def stat(title: str, meaning: str, expression: str, red: float | None, unit: Unit) -> Panel:
    """Return the last value of an expression."""
    return Panel(title, meaning, (Query(expression),), unit, "stat", width=4, red=red)
