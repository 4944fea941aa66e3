"""Each fault of the only broker once; `make chaos` injects them many times."""

from dataclasses import replace
from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka
from tests.tools.chaos.trials import BY_NAME, MARKS, PACE, assert_kept, trial
from tools.chaos.errors import ChaosError
from tools.chaos.suite import Suite
from tools.chaos.trial import Trial

pytestmark = MARKS


@pytest.mark.parametrize(
    "name",
    [
        "commit-unknown",
        "broker-restarted",
        "broker-killed",
        "broker-gone",
        "two-models",
        "dead-letters-flood",
    ],
)
def test_a_broker_that_goes_and_comes_back(kafka: LocalKafka, folder: Path, name: str) -> None:
    assert_kept(trial(folder, kafka, name))


def test_the_log_of_the_broker_is_kept_of_a_trial_that_fails(
    kafka: LocalKafka, folder: Path
) -> None:
    def fail(_trial: Trial) -> None:
        raise ChaosError("stuck")

    fault = replace(BY_NAME["clock-jumps"], name="fails", inject=fail, times=1)
    assert Suite(1, folder, PACE).trial(kafka, fault, "exactly-once").failure == "stuck"
    assert "started" in (folder / "fails-exactly-once" / "broker-1.log").read_text()
