"""What happens to topics: overtaken by retention, deleted and made anew."""

import time
from typing import Final

from chaos.errors import ChaosError
from chaos.member import Member
from chaos.trial import Trial

SKIPPED: Final = "retention has deleted windows before they were diagnosed; going on after them"

AWAY: Final = 3.0
"""Seconds that a topic is away after the consumer has noticed."""


def overtaken(trial: Trial) -> None:
    """Retention deletes windows while the consumer is stopped: it says which, and counts them.

    That loss is by configuration. Every other window is diagnosed; a loss that is not told, or told
    wrongly, fails the trial. Told to stop at a gap, the consumer ends with status 1 before that.
    """
    windows = trial.topics.windows_topic
    trial.offsets.configure(windows, segment_bytes="1048576")
    member = trial.consumer()
    for _ in trial.moments():
        member.stop()
        before = trial.offsets.committed()
        with trial.fault():
            _let_retention_overtake(trial, before)
            deleted = _deleted(trial, before)
            _refuses(trial)
            member = trial.consumer()
        told = {
            line["partition"]: (line["first"], line["last"] + 1) for line in member.events(SKIPPED)
        }
        if told != deleted:
            raise ChaosError(f"{member.log}: told that {told} were deleted, and it was {deleted}")
        trial.notes["windows deleted and told"] += sum(end - first for first, end in told.values())


def _let_retention_overtake(trial: Trial, committed: dict[int, int]) -> None:
    """Let windows be deleted of which none was diagnosed, in every partition."""
    windows = trial.topics.windows_topic
    trial.offsets.configure(windows, retention_bytes="1048576")
    trial.until(lambda: len(_deleted(trial, committed)) == len(committed), "retention")
    trial.offsets.configure(windows, retention_bytes="-1")
    _settle(trial)


def _deleted(trial: Trial, committed: dict[int, int]) -> dict[int, tuple[int, int]]:
    """Partition → the offsets that are gone since those committed."""
    return {
        partition: (committed[partition], span.start)
        for partition, span in trial.offsets.windows().items()
        if span.start > committed.get(partition, span.start)
    }


def _settle(trial: Trial) -> None:
    """Wait until nothing more is deleted."""

    def unmoved() -> bool:
        before = {partition: span.start for partition, span in trial.offsets.windows().items()}
        time.sleep(2.5)
        return before == {
            partition: span.start for partition, span in trial.offsets.windows().items()
        }

    trial.until(unmoved, "retention to rest")


def _refuses(trial: Trial) -> None:
    """See that a consumer that is to stop at a gap does."""
    member = trial.consumer("--on-gap=stop", ready=False)
    trial.excused.append(member)
    if (status := member.wait()) != 1:
        raise ChaosError(f"{member.log}: status {status} and not 1 at a gap, with --on-gap=stop")


def vanished(trial: Trial) -> None:
    """The diagnoses topic is deleted, with all that is in it, and made anew after a while.

    From what was committed when it was gone, nothing may be missing.
    """
    topic = trial.topics.diagnoses_topic
    member = trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            trial.offsets.delete(topic)
            trial.until(lambda: not trial.offsets.exists(topic), "the topic to be gone")
            _await_trouble(trial, member)
            trial.checked_from = trial.offsets.committed()
            time.sleep(AWAY)
            trial.create(topic)


def _await_trouble(trial: Trial, member: Member) -> None:
    """Wait until the consumer gives up what it wanted to publish."""

    def count() -> int:
        return len(member.reasons()) + len(member.events("waiting for Kafka"))

    before = count()
    trial.until(lambda: count() > before, "the consumer to notice that its topic is gone")
