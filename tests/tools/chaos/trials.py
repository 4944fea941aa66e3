"""One fault of the suite, injected in a test, and what must hold afterwards.

What is asserted must hold on any machine: nothing is lost or duplicated, all of it is in order, and
the fault was what its name states. `make chaos` measures how long the recovery takes.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tools.chaos.feed import FeedSettings
from tools.chaos.results import Outcome
from tools.chaos.suite import FAULTS, Suite

MARKS: Final = [
    pytest.mark.integration,
    # Much longer than a trial takes, for busy machines: it waits for a broker.
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("forked"),
]
"""Of every file with trials."""

BY_NAME: Final = {fault.name: fault for fault in FAULTS}

TOOL_STOPPED: Final = re.compile(r"open transactions: \{\}, unread: \{.*: [1-9]")
"""A failure that is none of the consumer's: a fresh reader finds committed diagnoses that the
subscriber of the trial did not get. In about one of twenty restarts of the only broker, a client of
librdkafka 2.16 fetches or sends nothing more. The project's own readers replace such a client."""

PACE: Final = FeedSettings(rate=200.0, sensors=16, apart=100)


def trial(
    folder: Path,
    kafka: LocalKafka,
    name: str,
    times: int = 1,
    guarantee: Guarantee = "exactly-once",
) -> Outcome:
    """Inject a fault so often; once more where a client of the tool stopped after the fault."""
    fault = replace(BY_NAME[name], times=times, windows=0)
    outcome = Suite(1, folder, PACE).trial(kafka, fault, guarantee)
    if TOOL_STOPPED.search(outcome.failure):
        outcome = Suite(2, folder / "again", PACE).trial(kafka, fault, guarantee)
    return outcome


def assert_kept(outcome: Outcome, times: int = 1) -> None:
    """The guarantee held, and that many faults were injected."""
    assert not outcome.failure, outcome.failure
    assert outcome.report is not None
    assert outcome.report.wrong == {}
    assert outcome.report.lost == 0
    assert outcome.report.windows >= times * PACE.apart
    assert len(outcome.recoveries) == times
