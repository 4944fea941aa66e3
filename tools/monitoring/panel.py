"""A panel of a dashboard, and its form in Grafana's JSON."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Unit = Literal["short", "cps", "s", "percentunit", "bytes", "none", "dateTimeFromNow"]
"""Grafana's name of a unit; `cps` is a count a second."""

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

WIDTH: Final = 24
"""Of a dashboard, in Grafana's grid."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel shows.

    Args:
        expression: In PromQL. `{}` behind a metric selects the jobs that are chosen.
        legend: Of each series, with labels as `{{label}}`.
    """

    expression: str
    legend: str = ""

    @property
    def selecting(self) -> str:
        """The expression for the chosen jobs."""
        return self.expression.replace("{}", '{job=~"$job"}').replace("{,", '{job=~"$job",')


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph, or a single number.

    Args:
        title: A few words.
        meaning: Shown at the title: what it is, and when it is worth a thought.
        queries: At least one.
        unit: Of the values.
        kind: `stat` is the last value.
        width: In Grafana's grid.
        red: Value from which a `stat` is red; None leaves it without colour.
        stacked: Whether a graph adds its series up.
    """

    title: str
    meaning: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    red: float | None = None
    stacked: bool = False

    def as_json(self, number: int, x: int, y: int, height: int) -> dict[str, Any]:
        """Return it at a place of a dashboard."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.meaning,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height},
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self._options(),
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "datasource": DATASOURCE,
                    "expr": query.selecting,
                    "legendFormat": query.legend or "__auto",
                }
                for index, query in enumerate(self.queries)
            ],
        }

    def _defaults(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = [{"color": "text" if self.red is None else "green"}]
        if self.red is not None:
            steps.append({"color": "red", "value": self.red})
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "min": 0,
            "thresholds": {"mode": "absolute", "steps": steps},
        }
        if self.kind == "timeseries":
            stacking = "normal" if self.stacked else "none"
            defaults["custom"] = {
                "fillOpacity": 25 if self.stacked else 0,
                "stacking": {"mode": stacking},
            }
        return defaults

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background"}
        return {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
