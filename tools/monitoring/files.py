"""The files that are made from the dashboards."""

from pathlib import Path
from typing import Final

from tools.monitoring.dashboards import DASHBOARDS

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "grafana"


def dashboard_files() -> dict[Path, str]:
    """Return the path of each dashboard → its content."""
    return {FOLDER / name: dashboard.as_json() for name, dashboard in DASHBOARDS.items()}
