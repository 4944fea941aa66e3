"""The alarms of one sensor in plain Python, computed anew from all that came, in floats.

It shares no code with the engine: it keeps every measurement, and reads only numbers of a rule.
It knows faults, quality, masks, delays, latching, commands, silence, late data and flapping.
"""

from dataclasses import dataclass, field
from math import exp, log
from typing import Any

from bearing_stream.alarms.rules import KindRule, SensorRules

UNUSABLE = {"dropout", "jump", "mains-hum", "novelty"}
QUALITY = ("clipping", "dropout", "jump", "mains-hum")
ORDER = ("bearing-fault", "machine-changed", "sensor-quality", "sensor-silent")


@dataclass
class PlainAlarm:
    """What the model knows of one alarm."""

    active: bool = False
    acked: bool = True
    latched: bool = False
    shelved_until: int | None = None
    once: bool = False
    masked: bool = False
    suppressed: bool = False
    high_since: int | None = None
    low_since: int | None = None
    severity: int = 0
    label: str | None = None
    other: str | None = None
    other_since: int | None = None
    history: list[int] = field(default_factory=list)
    chattering: bool = False


class PlainModel:
    """Takes what the engine takes, and returns the events as `kind event`."""

    def __init__(self, rules: SensorRules) -> None:
        self.rules = rules
        self.measurements: list[dict[str, Any]] = []
        self.latest = 0
        self.too_late = 0
        self.alarms: dict[str, PlainAlarm] = {}

    def rule(self, kind: str) -> KindRule:
        found: KindRule = getattr(self.rules, kind.replace("-", "_"))
        return found

    def evidence(self) -> list[dict[str, Any]]:
        """The last measurements that together have enough windows."""
        kept: list[dict[str, Any]] = []
        for measurement in reversed(self.measurements):
            if sum(each["windows"] for each in kept) >= self.rules.evidence.windows:
                break
            kept.append(measurement)
        return kept

    def observe(self, time: int, measurement: dict[str, Any]) -> list[str]:
        """Take a diagnosis."""
        counts = self.counts(time)
        events: list[str] = []
        silent = self.alarms.get("sensor-silent")
        was_silent = silent is not None and silent.active
        gap = time - self.latest if counts else 0
        if counts:
            if time > self.latest:
                self.latest = time
            self.too_late = 0
            windows = min(measurement["windows"], self.rules.evidence.windows)
            self.measurements.append({**measurement, "time": time, "windows": windows})
        if was_silent:
            assert silent is not None
            events += self.sends_again(silent, gap)
        if counts:
            for kind in ORDER[:3]:
                events += self.step(kind)
        return events + self.masks({event.split()[0] for event in events})

    def counts(self, time: int) -> bool:
        if time > self.latest:
            return True
        if any(each["time"] == time for each in self.evidence()):
            return False
        if self.latest - time <= self.rules.evidence.lateness:
            return True
        self.too_late += 1
        if self.too_late <= self.rules.evidence.clock_reset:
            return False
        self.measurements.clear()
        self.latest = 0
        for alarm in self.alarms.values():
            alarm.high_since = alarm.low_since = alarm.other = alarm.other_since = None
            alarm.history.clear()
        return True

    def step(self, kind: str) -> list[str]:
        rule = self.rule(kind)
        level, agreeing, usable, label = self.reading(kind)
        high = level >= rule.raise_level and agreeing >= rule.agree
        alarm = self.alarms.get(kind)
        if alarm is None:
            if not high:
                return []
            alarm = self.alarms[kind] = PlainAlarm()
        now, events = self.latest, []
        if not alarm.active:
            alarm.high_since = (alarm.high_since or now) if high else None
            if alarm.high_since is not None and now - alarm.high_since >= rule.on_delay:
                alarm.active, alarm.acked, alarm.latched = True, False, rule.latch
                alarm.high_since, alarm.label = None, label
                alarm.severity = rule.rank + (level >= rule.confident)
                alarm.history.append(now)
                events.append(f"{kind} raised")
        else:
            low = level <= rule.clear_level and usable >= rule.agree
            alarm.low_since = (alarm.low_since or now) if low else None
            delay = rule.off_delay
            if alarm.chattering:
                delay = max(delay, rule.chatter_period)
            if alarm.low_since is not None and now - alarm.low_since >= delay:
                events += self.cleared(kind, alarm, now)
            else:
                events += self.stays(kind, alarm, level, label)
        if alarm.shelved_until is not None and now >= alarm.shelved_until:
            alarm.shelved_until = None
            events.append(f"{kind} unshelved")
        return events

    def stays(self, kind: str, alarm: PlainAlarm, level: float, label: str | None) -> list[str]:
        rule, events = self.rule(kind), []
        if not alarm.chattering:
            recent = [each for each in alarm.history if self.latest - each <= rule.chatter_period]
            if len(recent) >= rule.chatter_count:
                alarm.chattering = True
                events.append(f"{kind} chattering")
        if level >= rule.raise_level:
            severity = rule.rank + (level >= rule.confident)
            if severity > alarm.severity:
                alarm.severity, alarm.acked, alarm.latched = severity, False, rule.latch
                events.append(f"{kind} escalated")
        other = label if level >= rule.raise_level and label != alarm.label else None
        if other != alarm.other:
            alarm.other, alarm.other_since = other, self.latest
        if other is not None and self.latest - (alarm.other_since or 0) >= rule.off_delay:
            alarm.label, alarm.other = other, None
            events.append(f"{kind} relabelled")
        return events

    def sends_again(self, silent: PlainAlarm, gap: int) -> list[str]:
        """The sensor sends, and the alarm of its silence is active."""
        rule, kind, now, events = self.rules.sensor_silent, "sensor-silent", self.latest, []
        recent = [each for each in silent.history if now - each <= rule.chatter_period]
        if not silent.chattering and len(recent) >= rule.chatter_count:
            silent.chattering, silent.other_since = True, now
            events.append(f"{kind} chattering")
        elif not silent.chattering:
            return self.cleared(kind, silent, now)
        elif silent.other_since is None or gap > rule.timeout:
            silent.other_since = now
        delay = max(rule.off_delay, rule.chatter_period)
        if silent.other_since is not None and now - silent.other_since >= delay:
            events += self.cleared(kind, silent, now)
        if silent.shelved_until is not None and now >= silent.shelved_until:
            silent.shelved_until = None
            events.append(f"{kind} unshelved")
        return events

    def cleared(self, kind: str, alarm: PlainAlarm, now: int) -> list[str]:
        alarm.active = alarm.chattering = alarm.masked = False
        alarm.low_since = alarm.other = alarm.other_since = None
        alarm.history.append(now)
        if not alarm.latched:
            alarm.acked = True
        if alarm.shelved_until is not None and alarm.once:
            alarm.shelved_until = None
            return [f"{kind} cleared", f"{kind} unshelved"]
        return [f"{kind} cleared"]

    def reading(self, kind: str) -> tuple[float, int, int, str | None]:
        evidence = self.evidence()
        alarm = self.alarms.get(kind)
        if kind == "sensor-quality":
            total = sum(each["windows"] for each in evidence)
            shares = {
                flag: sum(each["windows"] for each in evidence if flag in each["reasons"]) / total
                for flag in QUALITY
            }
            flagged = sum(each["windows"] for each in evidence if set(QUALITY) & each["reasons"])
            return max(shares.values()), flagged, total, self.label(shares, alarm)
        usable = [each for each in evidence if not each["reasons"] & UNUSABLE]
        windows = sum(each["windows"] for each in usable)
        bearing = self.alarms.get("bearing-fault")
        novel = 0
        if bearing is None or not bearing.active:
            novel = sum(
                each["windows"] for each in evidence if each["reasons"] & UNUSABLE == {"novelty"}
            )
        if not windows:
            is_novel = novel > 0 and kind == "machine-changed"
            return (1.0, novel, novel, None) if is_novel else (0.0, 0, 0, None)
        parts = {
            label: sum(log(each["probabilities"][label]) * each["windows"] for each in usable)
            / windows
            for label in usable[0]["probabilities"]
        }
        total = sum(exp(value) for value in parts.values())
        found = {label: exp(value) / total for label, value in parts.items()}
        by_network = sum(each["windows"] for each in usable if each["network"]) / windows
        races = found["OuterRace"] + found["InnerRace"]
        is_bearing = races + found["Ball"] * by_network >= found["Ball"] * (1 - by_network)
        faulty = sum(each["windows"] for each in usable if each["probabilities"]["Normal"] < 0.5)
        active = alarm is not None and alarm.active
        fault = 1 - found["Normal"]
        if kind == "machine-changed":
            is_change = active or not is_bearing or novel > windows
            level = (windows * fault + novel) / (windows + novel) if is_change else 0.0
            return level, faulty + novel, windows + novel, None
        level = fault if active or is_bearing else 0.0
        named = {
            "OuterRace": found["OuterRace"],
            "InnerRace": found["InnerRace"],
            "Ball": found["Ball"] * by_network,
        }
        return level, faulty, windows, self.label(named, alarm)

    @staticmethod
    def label(levels: dict[str, float], alarm: PlainAlarm | None) -> str:
        best = max(levels, key=lambda label: levels[label])
        if alarm is None or not alarm.active or alarm.label is None:
            return best
        return best if levels[best] >= 3 * levels[alarm.label] else alarm.label

    def masks(self, changed: set[str]) -> list[str]:
        events = []
        # Kinds in the order in which their alarms came into being.
        for kind, alarm in self.alarms.items():
            hidden = alarm.active and any(
                other in self.alarms
                and self.alarms[other].active
                and not (other == "sensor-silent" and self.alarms[other].chattering)
                and not self.alarms[other].suppressed
                and self.alarms[other].shelved_until is None
                for other in self.rule(kind).masked_by
            )
            if hidden != alarm.masked and alarm.active and kind not in changed:
                events.append(f"{kind} {'masked' if hidden else 'unmasked'}")
            alarm.masked = hidden
        return events

    def silent(self, now: int) -> list[str]:
        """Take note that the sensor is silent."""
        if not self.measurements and not self.latest:
            return []
        kind = "sensor-silent"
        alarm = self.alarms.setdefault(kind, PlainAlarm())
        events = []
        if not alarm.active:
            rule = self.rule(kind)
            alarm.active, alarm.acked, alarm.latched = True, False, rule.latch
            alarm.severity = rule.rank
            alarm.history.append(self.latest)
            events.append(f"{kind} raised")
        if alarm.shelved_until is not None and now >= alarm.shelved_until:
            alarm.shelved_until = None
            events.append(f"{kind} unshelved")
        return events + self.masks({event.split()[0] for event in events})

    def command(self, kind: str, action: str, until: int | None, once: bool) -> list[str]:
        """Take a command."""
        if not self.latest:
            return []
        events = self.carried_out(kind, action, until, once)
        return events + self.masks({kind})

    def carried_out(self, kind: str, action: str, until: int | None, once: bool) -> list[str]:
        alarm = self.alarms.setdefault(kind, PlainAlarm(severity=self.rule(kind).rank))
        if action == "acknowledge" and not alarm.acked:
            alarm.acked, alarm.latched = True, False
            return [f"{kind} acknowledged"]
        if action == "shelve" and until is not None:
            alarm.shelved_until, alarm.once = until, once
            return [f"{kind} shelved"]
        if action == "unshelve" and alarm.shelved_until is not None:
            alarm.shelved_until = None
            return [f"{kind} unshelved"]
        if action == "suppress" and not alarm.suppressed:
            alarm.suppressed = True
            return [f"{kind} suppressed"]
        if action == "unsuppress" and alarm.suppressed:
            alarm.suppressed = False
            return [f"{kind} unsuppressed"]
        return [f"{kind} refused"]

    def state(self, kind: str) -> str:
        """The display state of an alarm."""
        alarm = self.alarms[kind]
        if alarm.suppressed:
            return "filtered"
        if alarm.masked:
            return "masked"
        if alarm.shelved_until is not None:
            return "shelved"
        if alarm.low_since is not None:
            return "off-delay"
        if alarm.latched:
            return "latched"
        if alarm.high_since is not None:
            return "on-delay"
        return "active" if alarm.active else "normal"
