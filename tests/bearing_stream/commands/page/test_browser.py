"""The page in a real Chromium, without Kafka: a fleet of any size and state."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bearing_stream.commands.page.alarm_reader import Reading
from bearing_stream.commands.page.app import Parts
from bearing_stream.commands.page.reader import Progress
from bearing_stream.wire.alarm import AlarmEvent
from bearing_stream.wire.alarm_terms import Action, Transition
from tests.bearing_stream.commands.page.alarm_examples import acknowledged, alarm, result
from tests.bearing_stream.commands.page.chromium import (
    BOXES,
    DRAWN,
    first,
    opened,
    rows,
    screenshot,
    seconds_a_frame,
)
from tests.bearing_stream.commands.page.examples import (
    NOON,
    add,
    diagnosis,
    evidence,
    indicators,
)
from tests.bearing_stream.commands.page.serving import application, served
from tests.kafka_tools import eventually

pytestmark = pytest.mark.slow

TOKEN = "correct-horse-battery"

LINES = 3
"""Lines of a plant in the fleet of the tests."""


def fill(parts: Parts, machines: int = 12) -> None:
    """Add a fleet of two plants, in which each state occurs."""
    states = [
        ("OuterRace", {"evidence": evidence(6.0)}),
        ("InnerRace", {"evidence": evidence(0.5)}),
        ("Ball", {}),
        ("Ball", {"evidence": evidence()}),
        ("Normal", {"reasons": ["clipping"]}),
        ("InnerRace", {"reasons": ["unknown-machine"]}),
    ]
    for number in range(2 * LINES * machines):
        plant, line = 1 + number % 2, 1 + number // 2 % LINES
        name = f"pump-{number:03}"
        prediction, more = (
            states[number // 6] if number % 6 == 0 and number < 36 else ("Normal", {})
        )
        for at in range(20):
            found = diagnosis(
                name,
                prediction,
                at,
                source=f"/plant-{plant}/line-{line}/{name}",
                indicators=indicators(1 + number % 5 + 0.3 * (at % 4)),
                unit="g",
                **more,  # type: ignore[arg-type]
            )
            add(parts.fleet, found)


@pytest.fixture
def fleet() -> Iterator[tuple[str, Parts]]:
    """The address of a page, and the parts behind it."""
    app, parts = application()
    fill(parts)
    with served(app, parts) as url:
        yield url, parts


def count(page: Page, state: str) -> str:
    return page.locator(f".count[data-state={state}] b").inner_text()


def test_the_worst_comes_first_and_machines_are_apart_from_instruments(
    browser: Browser, fleet: tuple[str, Parts]
) -> None:
    url, parts = fleet
    with opened(browser, url, viewport={"width": 1280, "height": 800}) as page:
        expect(rows(page).first).to_be_visible()
        states = [page.locator(f"#row-{index} .machine").inner_text() for index in range(7)]
        assert sorted(states[:3]) == ["Ball", "Inner race", "Outer race"]
        assert states[3:] == ["Changed", "Uncertain normal?", "Uncertain inner race?", "Normal"]
        assert page.locator("#row-4 .badge").all_inner_texts() == ["clipping"]
        assert [count(page, each) for each in ("OuterRace", "Changed", "Uncertain")] == list("112")
        assert count(page, "Normal") == "66"
        assert count(page, "silent") == "0"
        # A badge is never in the colour of a machine's state, nor the reverse.
        colour = "element => getComputedStyle(element).color"
        machines = {
            page.evaluate(
                "name => getComputedStyle(document.body).getPropertyValue(name)", f"--{each}"
            )
            for each in ("OuterRace", "InnerRace", "Ball", "Changed", "Normal")
        }
        assert page.locator("#row-4 .badge").evaluate(colour) not in machines
        parts.fleet.check_silence(NOON + 1000)
        expect(page.locator(".count[data-state=silent] b")).to_have_text("72")
        expect(page.locator("#banner")).to_contain_text("All 72 sensors are silent")
        assert page.locator("#row-0 .badge").all_inner_texts() == ["silent"]
        assert page.locator("#row-0 .machine").inner_text() in states[:3]
        screenshot(page, "states")


def test_the_address_keeps_what_is_seen(browser: Browser, fleet: tuple[str, Parts]) -> None:
    url, _ = fleet
    with opened(browser, url, viewport={"width": 1280, "height": 800}) as page:
        expect(rows(page).first).to_be_visible()
        page.locator("#groups button[title='plant-2/line-1']").click()
        assert count(page, "Normal") == "12"
        page.locator("#search").fill("07 plant-2")
        expect(rows(page)).to_have_count(1)
        assert first(page).locator("b").inner_text() == "pump-007"
        first(page).click()
        expect(page.locator("#sensor h2")).to_contain_text("pump-007 \N{EN DASH} Normal")
        address = page.url
        page.keyboard.press("Escape")
        expect(rows(page)).to_have_count(1)
        page.go_back()
        expect(page.locator("#sensor h2")).to_contain_text("pump-007")
        assert page.title() == "pump-007 \N{EN DASH} Fleet"
    with opened(browser, address) as page:
        expect(page.locator("#sensor h2")).to_contain_text("pump-007")
        page.keyboard.press("Escape")
        assert page.locator("#search").input_value() == "07 plant-2"


def test_states_can_be_chosen_and_sensors_grouped(
    browser: Browser, fleet: tuple[str, Parts]
) -> None:
    url, _ = fleet
    with opened(browser, url, viewport={"width": 1280, "height": 2000}) as page:
        page.locator(".count[data-state=OuterRace]").click()
        page.locator(".count[data-state=Changed]").click()
        expect(rows(page)).to_have_count(2)
        assert "state=OuterRace%2CChanged" in page.url
        page.keyboard.press("Escape")
        page.locator(".count[data-state=clipping]").click()
        expect(rows(page)).to_have_count(1)
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        heads = page.locator(".row.group:not([hidden])")
        expect(heads.first).to_contain_text("plant-1/line-1: 12 sensors, 4 need attention")
        page.locator("#search").fill("no such sensor")
        expect(page.locator("#empty")).to_contain_text("No sensor matches")


def test_the_keyboard_is_enough(browser: Browser, fleet: tuple[str, Parts]) -> None:
    url, _ = fleet
    with opened(browser, url, viewport={"width": 1280, "height": 800}) as page:
        expect(rows(page).first).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("pump-01")
        expect(rows(page)).to_have_count(10)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        expect(page.locator("[aria-selected=true]")).to_have_id("row-1")
        expect(page.locator("#list")).to_have_attribute("aria-activedescendant", "row-1")
        name = page.locator("#row-1 b").inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("#sensor h2")).to_contain_text(name)
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.locator("#explain")).to_contain_text("outside-baseline")
        page.keyboard.press("Escape")
        expect(page.locator("#explain")).to_be_hidden()


def test_a_sensor_s_history_is_drawn(browser: Browser, fleet: tuple[str, Parts]) -> None:
    url, parts = fleet
    with opened(
        browser, f"{url}/?source=/plant-1/line-1/pump-000&sensor=pump-000", color_scheme="dark"
    ) as page:
        expect(page.locator("#sensor h2")).to_contain_text("pump-000 \N{EN DASH} Outer race")
        expect(page.locator(".facts")).to_contain_text("decided by physics")
        charts = page.locator("#sensor .charts canvas:visible")
        expect(charts).to_have_count(8)
        for index in range(8):
            page.wait_for_function(
                f"() => ({DRAWN})([...document.querySelectorAll('#sensor .charts canvas')]"
                f".filter(each => each.offsetParent)[{index}]) > 2"
            )
        # Without Kafka there is no measurement, which is stated.
        expect(page.locator(".window-note")).to_contain_text("It cannot be shown", timeout=30_000)
        update = diagnosis("pump-000", "Normal", 30, source="/plant-1/line-1/pump-000")
        add(parts.fleet, update)
        expect(page.locator("#sensor h2")).to_contain_text("pump-000 \N{EN DASH} Normal")
        screenshot(page, "history-dark")


def test_an_alarm_is_first_and_is_acknowledged_by_name_and_reason(browser: Browser) -> None:
    row = alarm(at=0, severity="high")

    def carry_out(_settings: Any, commands: Any, _timeout: float) -> list[AlarmEvent]:
        """Acknowledge as the stage does, but refuse it of another severity."""
        [(command, _)] = commands
        if command.action != Action.ACKNOWLEDGE or command.severity != "high":
            return [result(row, command, Transition.REFUSED, "it is not to be done now")]
        parts.alarms.table.put(acknowledged(row))
        return [result(acknowledged(row), command, Transition.ACKNOWLEDGED)]

    app, parts = application(send=carry_out, token=TOKEN)
    add(parts.fleet, diagnosis(at=0))
    with (
        served(app, parts) as url,
        opened(browser, f"{url}/?token={TOKEN}", viewport={"width": 1280, "height": 800}) as page,
    ):
        note, machines = page.locator("#alarm-note"), page.locator("#machine-alarms .alarm")
        expect(note).to_contain_text("there is no topic bearing.alarms")
        parts.alarms.reading = Reading("read")
        expect(note).to_have_text("none in bearing.alarms")
        for each in (alarm("pump-8", "sensor-quality", 1), alarm("pump-9"), row):
            parts.alarms.table.put(each)
        expect(machines).to_have_count(2)
        expect(machines.first).to_contain_text("high")
        expect(machines.first).to_contain_text("bearing-fault: Outer race")
        expect(machines.first).to_contain_text("latched, not acknowledged")
        expect(page.locator("#instrument-alarms .alarm")).to_contain_text("sensor-quality")
        assert machines.first.bounding_box()["y"] < page.locator("#list").bounding_box()["y"]  # type: ignore[index]
        screenshot(page, "alarms")
        machines.first.get_by_role("button", name="Shelve").click()
        page.get_by_label("Your name").fill("ann")
        page.get_by_label("Reason").fill("cable is being replaced")
        page.get_by_label("For").select_option("8 hours")
        page.keyboard.press("Enter")
        expect(page.locator("#act .outcome")).to_have_text("Refused: it is not to be done now")
        screenshot(page, "alarm-refused")
        page.keyboard.press("Escape")
        machines.first.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_label("Your name")).to_have_value("ann")
        page.get_by_label("Reason").fill("ordered a bearing")
        page.keyboard.press("Enter")
        expect(page.locator("#alarm-done")).to_have_text("Acknowledged pump-7:bearing-fault.")
        # It follows the one that nobody has seen.
        expect(machines.last).to_contain_text("active, acknowledged")
        machines.last.get_by_role("link", name="pump-7").click()
        expect(page.locator("#sensor .alarms .alarm")).to_contain_text("active, acknowledged")
        page.keyboard.press("Escape")
        parts.alarms.table.put(acknowledged(alarm(active=False)))
        expect(machines).to_have_count(1)


def test_data_is_never_read_as_html(browser: Browser) -> None:
    app, parts = application()
    name = '<img src=x onerror="document.title=1"><b>'
    parts.alarms.table.put(alarm(name, name, label=name, severity=name))
    add(parts.fleet, diagnosis(name, name, source=name, reasons=[name], unit=name, channel=name))
    with served(app, parts) as url, opened(browser, url) as page:
        expect(first(page).locator("b")).to_have_text(f"{name} {name}")
        expect(first(page).locator(".badge")).to_have_text(name)
        expect(page.locator("#machine-alarms .kind")).to_have_text(f"{name}: {name}")
        first(page).click()
        expect(page.locator("#sensor h2")).to_contain_text(name)
        assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, fleet: tuple[str, Parts], scheme: str) -> None:
    url, _ = fleet
    phone = {"width": 375, "height": 720}
    with opened(browser, url, viewport=phone, color_scheme=scheme) as page:
        expect(rows(page).first).to_be_visible()
        wider = "() => document.documentElement.scrollWidth > innerWidth"
        assert not page.evaluate(wider)
        screenshot(page, f"phone-{scheme}")
        first(page).click()
        expect(page.locator("#sensor h2")).to_be_visible()
        assert not page.evaluate(wider)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(kafka="no Kafka broker responds", rebuilt=1.0), "gets nothing from Kafka"),
        (
            Progress(rebuilt=1.0, undecided=90.0),
            "open in the topic of diagnoses for 90 s",
        ),
        (Progress(lag=5000, rebuilt=0.4), "Reading the past: 40 %"),
        (Progress(lag=1234, rebuilt=1.0, behind=90.0), "Lagging by 90 s: 1,234 diagnoses"),
    ],
)
def test_it_states_that_it_does_not_show_what_is_true_now(
    browser: Browser, fleet: tuple[str, Parts], progress: Progress, text: str
) -> None:
    url, parts = fleet
    with opened(browser, url) as page:
        expect(page.locator("#connection")).to_have_text("live, 72 sensors")
        expect(page.locator("#banner")).to_be_hidden()
        current, parts.thread.progress = parts.thread.progress, progress
        expect(page.locator("#banner")).to_contain_text(text)
        parts.thread.progress = current
        expect(page.locator("#banner")).to_be_hidden()


def test_an_empty_fleet_states_what_to_do(browser: Browser) -> None:
    app, parts = application()
    with served(app, parts) as url, opened(browser, url) as page:
        expect(page.locator("#empty")).to_contain_text("start the consumer")


@pytest.mark.timeout(300)
def test_ten_thousand_sensors_leave_time_for_thirty_frames_a_second(browser: Browser) -> None:
    app, parts = application()
    for number in range(10_000):
        path = f"/plant-{number % 5}/line-{number % 50}/pump-{number}"
        add(parts.fleet, diagnosis(f"pump-{number}", source=path, indicators=indicators()))
    with (
        served(app, parts) as url,
        opened(browser, url, viewport={"width": 1280, "height": 800}) as page,
    ):
        expect(page.locator("#connection")).to_have_text("live, 10,000 sensors", timeout=60_000)
        # Only what is in sight is an element.
        assert page.locator(".row").count() < 60
        for number in range(10_000):
            path = f"/plant-{number % 5}/line-{number % 50}/pump-{number}"
            add(parts.fleet, diagnosis(f"pump-{number}", at=1, source=path))
        # The first part also draws the ten thousand changes.
        assert min(seconds_a_frame(page, 2000) for _ in range(2)) < 1 / 30
        page.locator("#search").fill("pump-9999")
        expect(rows(page)).to_have_count(1)
        page.locator("#search").fill("")
        faulty = diagnosis("pump-77", "OuterRace", 2, source="/plant-2/line-27/pump-77")
        add(parts.fleet, faulty)
        page.locator("#list").evaluate("list => list.scrollTop = 0")
        expect(first(page).locator("b")).to_have_text("pump-77")
        screenshot(page, "ten-thousand")


@pytest.mark.parametrize(("before", "after"), [(1280, 390), (390, 1280)])
def test_rows_follow_each_other_when_the_window_is_turned(
    browser: Browser, before: int, after: int
) -> None:
    app, parts = application()
    for number in range(60):
        add(parts.fleet, diagnosis(f"pump-{number}", source=f"/plant-9/pump-{number}"))
    with (
        served(app, parts) as url,
        opened(browser, url, viewport={"width": before, "height": 800}) as page,
    ):
        expect(first(page)).to_be_visible()
        page.set_viewport_size({"width": after, "height": 800})

        def is_gapless() -> bool:
            boxes = sorted(rows(page).evaluate_all(BOXES))
            pairs = itertools.pairwise(boxes)
            return len(boxes) > 5 and all(abs(one[1] - two[0]) < 1 for one, two in pairs)

        eventually(is_gapless, "rows one below the other")
