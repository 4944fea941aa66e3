"""Progress of a run in several processes: a line every ten seconds, in place of a dot a test."""

import time
from typing import Any, Final

import pytest

INTERVAL: Final = 10.0
"""Seconds between two lines, at least."""


class Progress:
    """A pytest plugin for the controller of pytest-xdist, which itself runs no test.

    Register it in that process only. A test that fails is reported at once.
    """

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._start = self._reported = time.monotonic()
        self._finished = 0
        self._running: dict[str, None] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a worker starts a test."""
        self._running[nodeid] = None
        now = time.monotonic()
        if now - self._reported >= INTERVAL:
            self._reported = now
            names = ", ".join(self._running)
            self._write(f"{now - self._start:4.0f} s: {self._finished} tests finished; now {names}")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a worker has finished a test."""
        self._finished += 1
        self._running.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a test that fails."""
        if report.failed:
            self._write(f"FAILED {report.nodeid} ({report.when})")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Count a test that passes or is skipped, and print nothing for it."""
        if report.when == "call" and report.passed:
            return "passed", "", "PASSED"
        if report.skipped and not hasattr(report, "wasxfail"):
            return "skipped", "", "SKIPPED"
        return None

    def _write(self, line: str) -> None:
        self._reporter.ensure_newline()
        self._reporter.write_line(line)
        self._reporter.flush()
