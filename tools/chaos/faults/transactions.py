"""What happens to transactions: aborted by Kafka, failing within, their outcome unknown."""

import time
from typing import Final

from tools.chaos.errors import ChaosError
from tools.chaos.trial import HELD, Trial

QUICK: Final = ("--transaction-timeout=1", "--commit-interval=0.5")
"""The shortest transaction timeout that there is. Kafka looks for those that are over every second,
see `clusters.PROPERTIES`."""

OVERSLEPT: Final = 2.5
"""Seconds longer than any call may take in such a transaction."""

STILL: Final = 2.0
"""Seconds that a leader stands still: longer than messages may take, shorter than the three after
which another would lead."""


def aborted(trial: Trial) -> None:
    """A consumer oversleeps its transaction, but not its session: the coordinator aborts it.

    It recovers from when it wakes.
    """
    member = trial.consumer(*QUICK, "--session-timeout=60")
    for number in trial.moments():
        trial.freeze_in_transaction(member, HELD)
        before = trial.offsets.committed()
        trial.until(lambda: not trial.offsets.open_transaction(), "the transaction to be aborted")
        if trial.offsets.committed() != before:
            raise ChaosError("Kafka committed a transaction instead of aborting it")
        with trial.fault():
            member.thaw()
        if len(member.reasons()) <= number:
            raise ChaosError(f"{member.log}: did not notice that its transaction was aborted")


def produce_failing(trial: Trial) -> None:
    """The leader of a partition of diagnoses stands still for longer than a message may take."""
    member = trial.consumer(*QUICK)
    for _ in trial.moments():
        leader = trial.offsets.leader(trial.topics.diagnoses_topic, trial.rng.randrange(4))
        with trial.fault():
            trial.kafka.freeze(leader)
            time.sleep(STILL)
            trial.kafka.thaw(leader)
    _note_reasons(trial, member.reasons())


def commit_unknown(trial: Trial) -> None:
    """The only broker stands still, whatever is on its way, until every call has timed out."""
    member = trial.consumer(*QUICK, "--session-timeout=30")
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.freeze()
            time.sleep(OVERSLEPT)
            trial.kafka.thaw()
    _note_reasons(trial, member.reasons())


def _note_reasons(trial: Trial, reasons: list[str]) -> None:
    """Count what the consumer met with."""
    trial.notes.update(reason[:60] for reason in reasons)
