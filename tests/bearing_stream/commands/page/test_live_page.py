"""The page in a real Chromium, on a real Kafka."""

import signal
import time
from typing import Final

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Browser, expect

from bearing_stream.local_kafka.ports import free_ports
from tests.bearing_stream.commands.page.chromium import DRAWN, first, opened, screenshot
from tests.bearing_stream.commands.page.examples import diagnosis
from tests.bearing_stream.commands.page.feeding import (
    FAULTY,
    Feed,
    faulty,
    normal,
    now,
    send,
    send_measurement,
)
from tests.bearing_stream.commands.page.processes import page
from tests.kafka_tools import Topics

SOON: Final = 2.0
"""Seconds after which a fault is at the top of the page."""


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_fault_is_at_the_top_two_seconds_after_its_diagnosis_and_can_be_examined(
    topics: Topics, browser: Browser
) -> None:
    place = send_measurement(topics)
    producer = Producer({"bootstrap.servers": topics.servers})
    for at in range(-20, 0):
        send(producer, topics.diagnoses, normal(FAULTY, now() + at))
    with (
        Feed(topics),
        page(topics) as running,
        opened(browser, running.url, viewport={"width": 1280, "height": 800}) as shown,
    ):
        expect(shown.locator("#connection")).to_have_text("live, 200 sensors", timeout=60_000)
        expect(shown.locator(".count[data-state=Normal] b")).to_have_text("200")
        # The page must show it in time on a machine that has nothing else to do for a moment.
        taken = []
        for attempt in range(5):
            send(producer, topics.diagnoses, normal(FAULTY, now()))
            expect(shown.locator(".count[data-state=OuterRace] b")).to_have_text("0")
            send(producer, topics.diagnoses, faulty(0, place))
            began = time.monotonic()
            expect(first(shown).locator("b")).to_have_text(FAULTY, timeout=30_000)
            expect(first(shown).locator(".machine")).to_have_text("Outer race")
            taken.append(time.monotonic() - began)
            if taken[attempt] < SOON:
                break
        assert min(taken) < SOON, taken
        screenshot(shown, "fleet")
        first(shown).click()
        expect(shown.locator("#sensor h2")).to_contain_text(FAULTY)
        expect(shown.locator(".window-note")).to_contain_text("48000 samples", timeout=30_000)
        expect(shown.locator(".window figcaption")).to_have_count(3)
        expect(shown.locator(".window figcaption").last).to_contain_text("at 1797 rpm")
        for index in range(3):
            shown.wait_for_function(
                f"() => ({DRAWN})(document.querySelectorAll('.window canvas')[{index}]) > 2"
            )
        screenshot(shown, "sensor")
        shown.locator(".window").scroll_into_view_if_needed()
        screenshot(shown, "measurement")


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_page_that_is_cut_off_states_it_and_goes_on_where_it_was(
    topics: Topics, browser: Browser
) -> None:
    producer = Producer({"bootstrap.servers": topics.servers})
    send(producer, topics.diagnoses, normal("a", now()), normal("b", now()))
    (port,) = free_ports(1)
    with page(topics, port=port) as running, opened(browser, running.url) as shown:
        banner = shown.locator("#banner")
        expect(shown.locator("#connection")).to_have_text("live, 2 sensors", timeout=30_000)
        # A server that responds no longer, while the connection stays open.
        running.process.send_signal(signal.SIGSTOP)
        expect(banner).to_contain_text("Cut off from the server", timeout=15_000)
        screenshot(shown, "cut-off")
        send(producer, topics.diagnoses, diagnosis("b", "Ball", now(), source="/plant-1/b"))
        running.process.send_signal(signal.SIGCONT)
        expect(first(shown).locator(".machine")).to_have_text("Ball", timeout=30_000)
        expect(banner).to_be_hidden()
        # A server that is restarted, and that knows nothing of the browser.
        running.process.kill()
        running.process.wait(10)
        expect(banner).to_contain_text("Cut off from the server", timeout=15_000)
        with page(topics, port=port):
            expect(banner).to_be_hidden(timeout=60_000)
            expect(first(shown).locator(".machine")).to_have_text("Ball")
            send(producer, topics.diagnoses, normal("c", now()))
            expect(shown.locator("#connection")).to_have_text("live, 3 sensors", timeout=30_000)
