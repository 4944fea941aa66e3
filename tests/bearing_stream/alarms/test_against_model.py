"""The engine and a plain model of it agree on everything that can happen to a sensor.

At any point the engine is saved and restored, may be fed again what it has had, and gets other
rules. The examples are random episodes rather than single windows, so that alarms occur.
"""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import Observation
from bearing_stream.alarms.rules_file import parse
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.wire.alarm import AlarmCommand
from tests.bearing_stream.alarms.diagnoses import (
    BALL,
    HEALTHY,
    INNER,
    OUTER,
    SENSOR,
    SOURCE,
    START,
    STEP,
    seen,
)
from tests.bearing_stream.alarms.plain_model import ORDER, PlainModel

RULES = (
    """
    bearing-fault = { off_delay = "5s", realarm_time = "0s" }
    machine-changed = { off_delay = "5s", realarm_time = "0s" }
    sensor-quality = { on_delay = "2s", off_delay = "3s", realarm_time = "0s" }
    sensor-silent.realarm_time = "0s"
    indicator-high.enabled = false
    """,
    """
    evidence = { windows = 12, clock_reset = 3 }
    sensor-silent = { realarm_count = 0, chatter_count = 4, chatter_period = "20m" }
    sensor-quality.realarm_count = 0
    machine-changed = { realarm_count = 0, latch = false }
    [bearing-fault]
    on_delay = "0s"
    off_delay = "1s"
    agree = 4
    chatter_count = 4
    realarm_count = 0
    """,
)
STRONG = {"Ball": 1e-3, "InnerRace": 1e-3, "Normal": 1e-4, "OuterRace": 0.9979}
WEAK = {"Ball": 0.05, "InnerRace": 0.05, "Normal": 0.2, "OuterRace": 0.7}
UNDECIDED = {"Ball": 0.2, "InnerRace": 0.1, "Normal": 0.41, "OuterRace": 0.29}

EPISODE = st.tuples(
    st.sampled_from([HEALTHY, HEALTHY, OUTER, INNER, BALL, STRONG, WEAK, UNDECIDED]),
    st.sampled_from(
        [
            *((), (), (), (), ("dropout",), ("clipping",), ("jump", "clipping")),
            *(("novelty",), ("novelty",), ("novelty", "dropout")),
        ]
    ),
    st.sampled_from(["physics", "physics", "network"]),
    st.sampled_from([1, 1, 1, 3, 40]),
    st.integers(1, 45),
    st.sampled_from(["in order", "in order", "disordered", "repeated", "too late"]),
)
COMMAND = st.tuples(
    st.sampled_from(ORDER),
    st.sampled_from(["acknowledge", "shelve", "unshelve", "suppress", "unsuppress"]),
    st.integers(1, 60),
    st.booleans(),
)
STEPS = st.lists(
    st.one_of(EPISODE, EPISODE, EPISODE, COMMAND, st.sampled_from(["silent", "restart", "rules"])),
    max_size=18,
)


class Pair:
    """The engine and the model, fed with the same."""

    def __init__(self, rules: str) -> None:
        self.rules = rules
        self.engine = Engine(parse(rules))
        self.model = PlainModel(parse(rules).of(SOURCE, SENSOR))
        self.records: dict[str, bytes] = {}
        self.fed: list[Observation] = []
        self.commands = 0
        self.time = START

    def check(self, expected: list[str], outputs: list[Any]) -> None:
        """Compare the events and the states."""
        events = [output.event for output in outputs if output.event]
        assert sorted(f"{event.kind} {event.event}" for event in events) == sorted(expected)
        for output in outputs:
            assert output.alarm.state == self.model.state(output.alarm.kind)
            alarm = self.model.alarms[output.alarm.kind]
            assert (output.alarm.active, output.alarm.acked) == (alarm.active, alarm.acked)

    def feed(self, time: int, probabilities: Any, flags: Any, by: str, windows: int) -> None:
        observation = seen(
            len(self.fed),
            time,
            probabilities=probabilities,
            reasons=list(flags),
            decided_by=by,
            windows=windows,
        )
        self.fed.append(observation)
        measurement = {
            "probabilities": probabilities,
            "reasons": set(flags),
            "network": by == "network",
            "windows": windows,
        }
        self.check(self.model.observe(time, measurement), self.engine.observe(observation))

    def episode(self, episode: Any) -> None:
        *how, length, order = episode
        times = [self.time + i * STEP for i in range(1, length + 1)]
        self.time = times[-1]
        if order == "disordered":
            random.Random(length).shuffle(times)
        elif order == "too late":
            times = [time - 3_600_000_000 for time in times]
        for time in times:
            for _ in range(2 if order == "repeated" else 1):
                self.feed(time, *how)

    def command(self, kind: str, action: str, seconds: int, once: bool) -> None:
        until = self.time + seconds * 1_000_000
        command = AlarmCommand(
            command_id=str(self.commands),
            alarm_id=f"{SENSOR}:{kind}",
            action=action,
            by="ann",
            at=from_microseconds(self.time),
            until=from_microseconds(until),
            once=once,
        )
        expected = self.model.command(kind, action, until, once)
        for _ in range(2):
            self.check(expected, self.engine.command(command, self.commands))
            expected = []
        self.commands += 1

    def restart(self) -> None:
        """Go on in a new engine with the records of the old one, fed again with its last input."""
        self.records |= dict(self.engine.take_changed())
        self.engine = Engine(parse(self.rules))
        for key, record in self.records.items():
            self.engine.restore(key, record)
        for observation in self.fed[-30:]:
            assert self.engine.observe(observation) == []

    def step(self, step: Any) -> None:
        if step == "silent":
            self.time += 90_000_000
            self.check(self.model.silent(self.time), self.engine.silent(SENSOR, self.time))
        elif step == "restart":
            self.restart()
        elif step == "rules":
            self.rules = RULES[1 - RULES.index(self.rules)]
            self.engine.use(parse(self.rules))
            self.model.measurements = self.model.evidence()[::-1]
            self.model.rules = parse(self.rules).of(SOURCE, SENSOR)
            most = self.model.rules.evidence.windows
            for measurement in self.model.measurements:
                measurement["windows"] = min(measurement["windows"], most)
        elif len(step) == 4:
            self.command(*step)
        else:
            self.episode(step)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(RULES), STEPS)
def test_the_engine_does_what_the_model_does(rules: str, steps: list[Any]) -> None:
    pair = Pair(rules)
    for step in steps:
        pair.step(step)


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(RULES), STEPS, st.integers(0, 2**32))
def test_an_engine_that_restarts_anywhere_publishes_the_same_bytes(
    rules: str, steps: list[Any], seed: int
) -> None:
    whole = Pair(rules)
    for step in steps:
        whole.step(step)
    restarts = random.Random(seed)
    undisturbed, restarted = Engine(parse(rules)), Engine(parse(rules))
    records: dict[str, bytes] = {}
    for observation in whole.fed:
        assert restarted.observe(observation) == undisturbed.observe(observation)
        if restarts.random() < 0.1:
            records |= dict(restarted.take_changed())
            restarted = Engine(parse(rules))
            for key, record in records.items():
                restarted.restore(key, record)
    records |= dict(restarted.take_changed())
    assert records == dict(undisturbed.take_changed())


BURSTS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(1, 400)),
        st.tuples(st.just("silent"), st.integers(0, 200)),
        st.tuples(st.sampled_from(["acknowledge", "suppress", "unsuppress"]), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=25)
@given(BURSTS)
def test_what_verify_does_not_know_of_silence_changes_no_event(
    steps: list[tuple[str, int]],
) -> None:
    """It knows when silence was raised, and not when a sensor fell silent while that was active."""
    rules = """
    bearing-fault.realarm_time = "0s"
    sensor-silent = { realarm_time = "0s", chatter_count = 3, chatter_period = "2m" }
    """
    live, again = Engine(parse(rules)), Engine(parse(rules))
    time, offset = START, 0
    for number, (what, amount) in enumerate(steps):
        if what == "feed":
            for _ in range(amount):
                time, offset = time + STEP, offset + 1
                observation = seen(offset, time, probabilities=OUTER)
                assert again.observe(observation) == live.observe(observation)
        elif what == "silent":
            now = time + 61_000_000
            # In bursts, the sensor's own clock goes on less than the wall clock does.
            time += amount * 1_000_000
            found = live.silent(SENSOR, now)
            if any(one.event and one.event.event == "raised" for one in found):
                assert again.silent(SENSOR, now) == found
            else:
                assert not found
        else:
            command = AlarmCommand(
                command_id=str(number),
                alarm_id=f"{SENSOR}:{('bearing-fault', 'sensor-silent')[amount]}",
                action=what,
                by="ann",
                at=from_microseconds(time),
            )
            assert again.command(command, number) == live.command(command, number)
