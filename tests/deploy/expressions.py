"""Every expression of the rules and of the committed dashboards."""

import json
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.paths import ROOT
from tools.monitoring.files import dashboard_files

RULES: Final = ROOT / "deploy" / "prometheus" / "rules.yml"


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the content of each panel of the committed dashboards."""
    for path in dashboard_files():
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            yield f"{path.stem}: {panel['title']}", panel


def expressions() -> dict[str, str]:
    """Alert or panel → its expression, as Prometheus gets it from Grafana."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for name, panel in panels():
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "1m")
            found[f"{name} {target['refId']}"] = expression.replace("$job", "a|b")
    return found


EXPRESSIONS: Final = expressions()
"""Alert, or dashboard, panel and query → its expression."""
