"""Rules and dashboards use metrics that exist, and what is committed is what the code makes."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import promql_parser
import pytest
import yaml

from bearing_stream.commands.alarms.notify.listed import NOTIFY_METRICS
from bearing_stream.commands.alarms.stage.listed import ALARM_METRICS
from bearing_stream.observability import Metric
from consumer.telemetry.listed import METRICS, SUPERVISOR_METRICS
from tests.deploy.expressions import EXPRESSIONS, RULES, rules
from tests.paths import ROOT
from tools.monitoring.dashboards import DASHBOARDS
from tools.monitoring.files import dashboard_files
from tools.monitoring.panel import WIDTH

ALERTS: Final = {
    "AlarmFlood",
    "AlarmsNotRunning",
    "AlarmsStalled",
    "CommitAborts",
    "ConsumerStalled",
    "DeadLetterRatio",
    "FreshnessLost",
    "HangingTransaction",
    "LagGrowing",
    "NotificationsLag",
    "PartitionStalled",
    "SensorsSilent",
    "SkippedOffsets",
    "UncertainShare",
}

BY_NAME: Final[dict[str, Metric]] = {
    one.name: one for one in (*METRICS, *SUPERVISOR_METRICS, *ALARM_METRICS, *NOTIFY_METRICS)
}

OF_EVERY_PROCESS: Final = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
"""What the Prometheus library adds; `tests/bearing_stream/observability` shows that it does."""

OF_A_TARGET: Final = {"job", "instance", "worker", "le"}
"""Labels that Prometheus, the supervisor and histograms add."""

PROMTOOL: Final = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None,
    reason="no promtool: go install github.com/prometheus/prometheus/cmd/promtool@v0.316.0",
)


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Return every selector of an expression; raises if it is not PromQL."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def metric_of(name: str | None) -> Metric | None:
    name = name or ""
    return BY_NAME.get(name) or BY_NAME.get(re.sub("_(bucket|sum|count)$", "", name))


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_is_promql_of_metrics_and_labels_that_exist(place: str) -> None:
    used = selectors(EXPRESSIONS[place])
    assert used
    labels = set(OF_A_TARGET)
    for selector in used:
        metric = metric_of(selector.name)
        assert metric or selector.name in OF_EVERY_PROCESS, selector.name
        own = set(metric.labels) if metric else set()
        labels |= own
        if metric and metric.kind == "histogram":
            assert selector.name != metric.name, "a histogram has no series of its own name"
        for matcher in selector.matchers.matchers:
            assert matcher.name in own | OF_A_TARGET, matcher.name
    grouped = re.findall(r"(?:by|without|ignoring|on)\s*\(([^)]*)\)", EXPRESSIONS[place])
    named = {label.strip() for group in grouped for label in group.split(",")}
    assert named <= labels


def test_a_misspelt_metric_would_be_found() -> None:
    [selector] = selectors("rate(bearing_stream_diagnosis_total[5m])")
    assert metric_of(selector.name) is None


def test_every_metric_is_in_a_panel_or_a_rule() -> None:
    used = {one.name for expression in EXPRESSIONS.values() for one in selectors(expression)}
    assert {metric.name for name in used if (metric := metric_of(name))} == set(BY_NAME)


def test_the_dashboards_are_what_the_code_makes() -> None:
    for path, content in dashboard_files().items():
        assert path.read_text(encoding="utf-8") == content, "run `python -m tools.docs`"


def test_panels_fill_their_rows_and_have_a_meaning() -> None:
    for dashboard in DASHBOARDS.values():
        for row in dashboard.rows:
            assert sum(panel.width for panel in row.panels) == WIDTH, row.title
            assert all(panel.meaning.endswith(".") for panel in row.panels)
    uids = [dashboard.uid for dashboard in DASHBOARDS.values()]
    assert len(set(uids)) == len(uids)


def test_the_first_dashboard_fits_on_one_screen() -> None:
    # 1080 pixels less Grafana's own bars, at 38 for a unit of its grid.
    heights = [row.height + 1 for row in DASHBOARDS["is-it-well.json"].rows]
    assert sum(heights) <= 28


def test_every_alert_has_a_severity_and_a_section_with_what_to_do() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert {rule["alert"] for rule in rules()} == ALERTS == set(headings)
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = yaml.safe_load(RULES.with_suffix(".test.yml").read_text(encoding="utf-8"))["tests"]
    checks = [check for case in cases for check in case["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == ALERTS
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == ALERTS


def promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_each_alert_fires_when_it_should_and_not_when_all_is_well() -> None:
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES.with_suffix(".test.yml"))


@needs_promtool
def test_prometheus_takes_every_panel_and_the_configuration(tmp_path: Path) -> None:
    recorded = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(EXPRESSIONS.values())
    ]
    rules_of_panels = tmp_path / "panels.yml"
    rules_of_panels.write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": recorded}]}))
    promtool("check", "rules", rules_of_panels)
    promtool("check", "config", "--syntax-only", RULES.with_name("prometheus.yml"))
