"""Rules are accelerated in all their durations, and in nothing else."""

import pytest
import yaml

from tests.deploy.accelerated import accelerated
from tests.deploy.expressions import RULES


def one_rule(alert: str = "A", expr: str = "a > 0", **more: str) -> str:
    return yaml.safe_dump(
        {"groups": [{"name": "g", "rules": [{"alert": alert, "expr": expr} | more]}]}
    )


def expression(text: str) -> str:
    [group] = yaml.safe_load(text)["groups"]
    [rule] = group["rules"]
    return str(rule["expr"])


def test_ranges_offsets_and_ages_are_divided() -> None:
    given = 'sum(rate(a_10m{b="5m 7"}[5m] offset 1h)) > 900'
    expected = 'sum(rate(a_10m{b="5m 7"}[5000ms] offset 60000ms)) > 15'
    assert expression(accelerated(one_rule("HangingTransaction", given), 60)) == expected


def test_the_time_for_which_it_must_hold_is_divided() -> None:
    assert "for: 500ms" in accelerated(one_rule(**{"for": "30s"}), 60)


@pytest.mark.parametrize(
    "rules",
    [
        one_rule(expr="age_seconds > 120"),
        one_rule(expr="rate(a[1h30m]) > 0"),
        one_rule(expr="rate(a[1w]) > 0"),
        one_rule(**{"for": "7s"}),
        one_rule(keep_firing_for="5m"),
        one_rule().replace("- name: g", "- interval: 1m\n  name: g"),
    ],
)
def test_what_may_be_a_duration_and_is_not_known_is_refused(rules: str) -> None:
    with pytest.raises(ValueError, match=r"duration|divided"):
        accelerated(rules, 60)


def test_nothing_else_changes() -> None:
    text = RULES.read_text(encoding="utf-8")
    once = accelerated(text, 1)
    for before, after in zip(
        yaml.safe_load(text)["groups"], yaml.safe_load(once)["groups"], strict=True
    ):
        for old, new in zip(before["rules"], after["rules"], strict=True):
            assert (old["alert"], old["labels"]) == (new["alert"], new["labels"])
            assert old["annotations"] == new["annotations"]
