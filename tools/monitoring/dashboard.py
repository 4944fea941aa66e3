"""A dashboard: rows of panels, and its form in Grafana's JSON."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tools.monitoring.panel import DATASOURCE, WIDTH, Panel

SCHEMA: Final = 41
"""Version of Grafana's dashboard schema: that of Grafana 12, which later versions read."""

VARIABLES: Final = [
    {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
    {
        "name": "job",
        "type": "query",
        "label": "Job",
        "datasource": DATASOURCE,
        "query": {
            # Each stage has the one, and the notifier the other.
            "query": 'label_values({__name__=~"bearing_stream_last_poll_timestamp_seconds|'
            'bearing_stream_notify_info"}, job)',
            "refId": "job",
        },
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    },
]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels next to one another under a heading.

    Args:
        title: The heading.
        panels: From left to right; their widths add up to `WIDTH`.
        height: In Grafana's grid.
    """

    title: str
    panels: tuple[Panel, ...]
    height: int = 6


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What Grafana shows on one page."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]

    def as_json(self) -> str:
        """Return it as the text of a file that Grafana imports."""
        return json.dumps(self._content(), indent=2) + "\n"

    def _content(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["bearing-stream"],
            "schemaVersion": SCHEMA,
            "editable": True,
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "graphTooltip": 1,
            "links": [
                {
                    "type": "dashboards",
                    "title": "bearing-stream",
                    "tags": ["bearing-stream"],
                    "keepTime": True,
                    "includeVars": True,
                }
            ],
            "templating": {"list": VARIABLES},
            "panels": self._panels(),
        }

    def _panels(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        y = 0
        for row in self.rows:
            place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
            heading = {"id": len(made) + 1, "type": "row", "title": row.title, "panels": []}
            made.append(heading | {"collapsed": False, "gridPos": place})
            x, y = 0, y + 1
            for panel in row.panels:
                made.append(panel.as_json(len(made) + 1, x, y, row.height))
                x += panel.width
            y += row.height
        return made
