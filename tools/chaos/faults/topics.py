"""What happens to topics: overtaken by retention, deleted and made anew."""

import time
from typing import Final

from tools.chaos.errors import ChaosError
from tools.chaos.member import Member
from tools.chaos.trial import Trial

SKIPPED: Final = "retention has deleted windows before they were diagnosed; going on after them"

Gaps = dict[int, tuple[int, int]]
"""Partition → the first offset that is gone, and the one after the last."""

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
        told = _told(member)
        # Retention may have gone on for a moment after it was told to rest.
        if not _between(told, deleted, since := _deleted(trial, before)):
            raise ChaosError(
                f"{member.log}: told that {told} were deleted; first it was {deleted}, then {since}"
            )
        trial.notes["windows deleted and told"] += sum(end - first for first, end in told.values())


def _told(member: Member) -> Gaps:
    """What a consumer said was deleted, in one piece or several."""
    told: Gaps = {}
    for line in member.events(SKIPPED):
        first, _ = told.get(line["partition"], (line["first"], 0))
        told[line["partition"]] = first, line["last"] + 1
    return told


def _between(told: Gaps, least: Gaps, most: Gaps) -> bool:
    """Whether it is in the same partitions, begins at the same offsets and ends between theirs."""
    return told.keys() == least.keys() and all(
        first == least[partition][0] and least[partition][1] <= end <= most[partition][1]
        for partition, (first, end) in told.items()
    )


def _let_retention_overtake(trial: Trial, committed: dict[int, int]) -> None:
    """Let windows be deleted of which none was diagnosed, in every partition."""
    windows = trial.topics.windows_topic
    trial.offsets.configure(windows, retention_bytes="1048576")
    trial.until(lambda: len(_deleted(trial, committed)) == len(committed), "retention")
    trial.offsets.configure(windows, retention_bytes="-1")


def _deleted(trial: Trial, committed: dict[int, int]) -> Gaps:
    """What is gone since the offsets that were committed."""
    return {
        partition: (committed[partition], span.start)
        for partition, span in trial.offsets.windows().items()
        if span.start > committed.get(partition, span.start)
    }


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
