"""A real Chromium, where one is installed, and what the tests ask it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Page, sync_playwright

from tests.paths import ROOT

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

SCREENSHOTS: Final = ROOT / "out" / "page"

EXPECTED: Final = ("net::ERR_", "Failed to load resource")
"""Begin of what Chromium logs where a test stops the server."""

DRAWN: Final = """canvas => {
  const { width, height } = canvas;
  if (!width || !height) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
"""Function that returns how many colours a canvas has; one that is blank has one."""

_FRAMES: Final = """milliseconds => new Promise(resolve => {
  const list = document.getElementById("list");
  const begin = performance.now();
  let frames = 0;
  const step = now => {
    frames += 1;
    list.scrollTop += 150;
    if (now - begin < milliseconds) requestAnimationFrame(step);
    else resolve(frames);
  };
  requestAnimationFrame(step);
})"""
"""Function that scrolls the list for a while, and returns the number of frames."""


BOXES: Final = """rows => rows.map(row => {
  const { top, bottom } = row.getBoundingClientRect();
  return [top, bottom];
})"""
"""Function that returns where rows begin and end."""


def program() -> str:
    """Return the path of Chromium; skips the test if there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window."""
    path = program()
    with sync_playwright() as playwright:
        # Its sandbox needs privileges that containers lack; it loads only this project's page.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open a page; an error of a script, or of the policy, fails the test."""
    problems: list[str] = []
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda line: problems.append(line.text) if line.type in ("error", "warning") else None,
        )
        page.goto(url)
        yield page
    assert [each for each in problems if not any(text in each for text in EXPECTED)] == []


def rows(page: Page) -> Locator:
    """The rows of sensors that are elements of the page."""
    return page.locator(".row:not(.group):not([hidden])")


def first(page: Page) -> Locator:
    """The row of the sensor at the top of the list."""
    return page.locator("#row-0")


def seconds_a_frame(page: Page, milliseconds: int) -> float:
    """Scroll the list, and return the processor time that the page's scripts and layout take.

    Unlike frames a second, it hardly depends on what else the machine does.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _task_seconds(session)
    frames: int = page.evaluate(_FRAMES, milliseconds)
    return (_task_seconds(session) - before) / frames


def _task_seconds(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def screenshot(page: Page, name: str) -> None:
    """Keep what is seen as `out/page/NAME.png`."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
