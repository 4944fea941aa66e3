"""The file of rules: what it overrides, how a mistake is reported, and that it is followed."""

from pathlib import Path

import pytest

from bearing_stream.alarms.rules import Rules, SensorRules
from bearing_stream.alarms.rules_file import RulesError, RulesWatch, load, parse
from bearing_stream.wire.alarm_terms import AlarmKind, Severity


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse("").of("/a", "b") == Rules().of("/a", "b") == SensorRules()


def test_a_row_overrides_the_top_level_key_by_key() -> None:
    rules = parse(
        """
        [bearing-fault]
        on_delay = "2s"
        severity = "high"

        [[rule]]
        source = "/plant-2/*"
        sensor = "fan-*"
        bearing-fault = { on_delay = "500ms" }
        indicator-high.limits = { rms = 2.0 }
        """
    )
    fan = rules.of("/plant-2/hall", "fan-1")
    assert fan.bearing_fault.on_delay == 500_000
    assert fan.bearing_fault.severity is Severity.HIGH
    assert fan.indicator_high.given == (("rms", 2.0), ("velocity_rms", 7.1))
    for source, sensor in (("/plant-1/hall", "fan-1"), ("/plant-2/hall", "pump-1")):
        assert rules.of(source, sensor).bearing_fault.on_delay == 2_000_000


def test_the_first_row_that_matches_applies_alone() -> None:
    rules = parse(
        """
        [[rule]]
        sensor = "a*"
        bearing-fault = { on_delay = "1m" }
        [[rule]]
        sensor = "ab*"
        bearing-fault = { off_delay = "1h" }
        """
    ).of("/", "abc")
    assert rules.bearing_fault.on_delay == 60_000_000
    assert rules.bearing_fault.off_delay == SensorRules().bearing_fault.off_delay


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a =", "expected TOML"),
        (
            "[bearing-faul]\n",
            "'bearing-faul' is no key of the rules; did you mean",
        ),
        (
            "[evidence]\nwindow = 3",
            "'evidence.window' is no key of the rules; did you mean 'windows'",
        ),
        ("[bearing_fault]\nraise = 0.5", "'bearing_fault' is no key of the rules; did you mean"),
        ("[bearing_fault]\noff_dely = 3", "'bearing_fault' is no key of the rules; did you mean"),
        ("[bearing-fault]\nraise_level = 0.5", "no key of the rules; did you mean 'raise'"),
        ("[evidence]\nxyz = 3", "known are windows, lateness"),
        ("[bearing-fault]\non_delay = 3", "bearing-fault.on_delay: expected a duration such as"),
        ("[bearing-fault]\non_delay = '3 weeks'", "got '3 weeks'"),
        (
            "[sensor-silent]\ntimeout = '0s'",
            "sensor-silent.timeout: expected at least 1s, got '0s'",
        ),
        ("[bearing-fault]\non_delay = '99999d'", "a duration of at most 366d, got '99999d'"),
        ("[bearing-fault]\nenabled = 'yes'", "bearing-fault.enabled: expected a valid boolean"),
        ("[bearing-fault]\nraise = 0.2", "expected clear below raise, got clear = 0.3"),
        ("[bearing-fault]\nraise = 2", "raise of at most 1, the highest level of this kind, got 2"),
        ("[bearing-fault]\nraise = true", "bearing-fault.raise: expected a valid number, got True"),
        ("[bearing-fault]\nagree = true", "bearing-fault.agree: expected a valid integer, "),
        ("[bearing-fault]\nlatch = 'x'", "bearing-fault.latch: expected a valid boolean, "),
        ("[bearing-fault]\nseverity = 'hgh'", "'low', 'medium', 'high' or 'critical', got 'hgh'"),
        ("[evidence]\nwindows = 4", "expected agree of at most evidence.windows, got 8 of 4"),
        ("[sensor-quality]\nmasked_by = ['bearing-fault']", "must not hide one of the instrument"),
        ("[bearing-fault]\nmasked_by = ['bearing-fault']", "masked_by names the kind itself"),
        (
            "[bearing-fault]\nmasked_by = ['machine-changed']",
            "got machine-changed, which bearing-fault masks in turn: both would be hidden",
        ),
        (
            "[bearing-fault]\nmasked_by = ['indicator-high']\n"
            "[indicator-high]\nmasked_by = ['machine-changed']",
            "got indicator-high, which bearing-fault masks in turn: both would be hidden",
        ),
        ("rule = 3", "expected rows, [[rule]]"),
        ("[[rule]]\nevidence = {}", "[[rule]] 1: expected a pattern, source or sensor"),
        (
            "[[rule]]\nsourc = 'a'",
            "[[rule]] 1: 'sourc' is no key of the rules; did you",
        ),
        ("[[rule]]\nsource = 3", "[[rule]] 1: source: expected a valid string, got 3"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(RulesError) as raised:
        parse(text)
    assert message in str(raised.value)


def test_silence_is_no_matter_of_windows() -> None:
    rest = "".join(
        f"[{kind}]\nagree = 2\n" for kind in AlarmKind if kind is not AlarmKind.SENSOR_SILENT
    )
    rules = parse(f"[evidence]\nwindows = 4\n{rest}").of("", "pump-7")
    assert rules.evidence.windows == 4


def test_the_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    with pytest.raises(RulesError, match=r"alarms\.toml: cannot be read"):
        load(path)
    path.write_text("[bearing-faul]")
    with pytest.raises(RulesError, match=r"alarms\.toml: 'bearing-faul'"):
        load(path)


def test_every_kind_has_a_rule() -> None:
    assert list(SensorRules().kinds) == list(AlarmKind)


def test_a_change_of_the_file_is_found_and_a_mistake_reported_once(tmp_path: Path) -> None:
    path, now = tmp_path / "alarms.toml", [0.0]
    path.write_text("")
    watch = RulesWatch(path, load(path), lambda: now[0])

    def check() -> Rules | None:
        now[0] += 1
        return watch.changed()

    assert check() is None
    path.write_text("[bearing-fault]\non_delay = '7s'")
    changed = check()
    assert changed is not None
    assert changed.of("/", "a").bearing_fault.on_delay == 7_000_000
    assert check() is None
    path.write_text("[bearing-fault]\non_delay = '7'")
    with pytest.raises(RulesError):
        check()
    assert check() is None
    path.write_text("[bearing-fault]\non_delay = '8s'")
    assert check() is not None
