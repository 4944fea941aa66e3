"""Faults of transactions: aborted by Kafka, failed sends, unknown outcome of a commit."""

import time
from typing import Final

from consumer.events import RESUMED
from tools.chaos.base import BaseTrial
from tools.chaos.errors import ChaosError
from tools.chaos.faults.freezing import STAYS_OPEN, freeze_in_transaction
from tools.chaos.trial import Trial

QUICK: Final = ("--transaction-timeout=1", "--commit-interval=0.5")
"""The shortest possible transaction timeout. Kafka checks for timed-out transactions every second,
see `clusters.PROPERTIES`."""

FREEZE: Final = 2.5
"""Seconds that a broker is frozen: longer than any call may take in such a transaction."""

LEADER_FREEZE: Final = 2.0
"""Seconds that a leader is frozen: longer than messages may take, shorter than the three after
which another would lead."""


def aborted(trial: BaseTrial) -> None:
    """Freeze a consumer beyond its transaction timeout, but not its session timeout.

    The coordinator aborts the transaction. The recovery is measured from the thaw on.
    """
    member = trial.consumer(*QUICK, "--session-timeout=60")
    for _ in trial.moments():
        freeze_in_transaction(trial, member, STAYS_OPEN)
        # Only now: until it was frozen, it may have rewound for another reason.
        rewinds = len(member.events(RESUMED))
        before = trial.offsets.committed()
        trial.until(lambda: not trial.offsets.open_transaction(), "the transaction to be aborted")
        if trial.offsets.committed() != before:
            raise ChaosError("Kafka committed a transaction instead of aborting it")
        with trial.fault():
            member.thaw()
        member.await_event(RESUMED, rewinds + 1)


def produce_failing(trial: Trial) -> None:
    """Freeze the leader of a partition of diagnoses for longer than a message may take."""
    member = trial.consumer(*QUICK)
    for _ in trial.moments():
        leader = trial.offsets.leader(trial.topics.diagnoses_topic, trial.rng.randrange(4))
        with trial.fault():
            trial.kafka.freeze(leader)
            time.sleep(LEADER_FREEZE)
            trial.kafka.thaw(leader)
    _note_reasons(trial, member.reasons())


def commit_unknown(trial: BaseTrial) -> None:
    """Freeze the only broker, at any point of a transaction, until every call has timed out."""
    member = trial.consumer(*QUICK, "--session-timeout=30")
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.freeze()
            time.sleep(FREEZE)
            trial.kafka.thaw()
    _note_reasons(trial, member.reasons())


def _note_reasons(trial: BaseTrial, reasons: list[str]) -> None:
    """Count the reasons of the consumer's rewinds."""
    trial.notes.update(reason[:60] for reason in reasons)
