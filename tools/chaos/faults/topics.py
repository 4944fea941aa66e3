"""Faults of topics: retention overtakes the consumer, a topic is deleted and created again."""

import time
from typing import Final

from bearing_stream.logs import Event
from consumer.events import OFFSETS_SKIPPED, TOPIC_RECREATED, WAITING_FOR_KAFKA
from tools.chaos.errors import ChaosError
from tools.chaos.member import Member
from tools.chaos.trial import Trial

BURST: Final = 2000
"""Windows that are sent at once before the windows topic is deleted, so that some are in flight."""

SETTLED: Final = 6.0
"""Seconds without a new diagnosis after which the consumer has published what it had fetched: more
than a transaction of a trial may take."""

Gaps = dict[int, tuple[int, int]]
"""Partition → the first deleted offset, and the one after the last."""

AWAY: Final = 3.0
"""Seconds that a topic stays deleted after the consumer has noticed."""


def overtaken(trial: Trial) -> None:
    """Retention deletes windows while the consumer is stopped: it logs which, and counts them.

    That loss is by configuration. Every other window is diagnosed; a loss that is not logged, or
    logged wrongly, fails the trial. With `--on-gap=stop`, a consumer ends with status 1 instead.
    """
    windows = trial.topics.windows_topic
    trial.offsets.configure(windows, segment_bytes="1048576")
    member = trial.consumer()
    for _ in trial.moments():
        member.stop()
        before = trial.offsets.settled()
        with trial.fault():
            _let_retention_overtake(trial, before)
            deleted = _deleted(trial, before)
            _check_stop_at_gap(trial)
            member = trial.consumer()
        logged = _logged(member)
        # Retention may continue for a moment after the topic is configured to keep everything.
        if not _between(logged, deleted, later := _deleted(trial, before)):
            raise ChaosError(
                f"{member.log}: logged {logged} as deleted; in fact it was {deleted}, then {later}"
            )
        trial.notes["deleted windows logged"] += sum(end - first for first, end in logged.values())


def _logged(member: Member) -> Gaps:
    """Return what a consumer logged as deleted, in one event or several for each partition."""
    gaps: Gaps = {}
    for line in member.events(OFFSETS_SKIPPED):
        first, _ = gaps.get(line["partition"], (line["first"], 0))
        gaps[line["partition"]] = first, line["last"] + 1
    return gaps


def _between(gaps: Gaps, least: Gaps, most: Gaps) -> bool:
    """Whether gaps have the partitions and first offsets of two others, and end between them."""
    return gaps.keys() == least.keys() and all(
        first == least[partition][0] and least[partition][1] <= end <= most[partition][1]
        for partition, (first, end) in gaps.items()
    )


def _let_retention_overtake(trial: Trial, committed: dict[int, int]) -> None:
    """Let retention delete windows that were not diagnosed, in every partition."""
    windows = trial.topics.windows_topic
    trial.offsets.configure(windows, retention_bytes="1048576")
    trial.until(lambda: len(_deleted(trial, committed)) == len(committed), "retention")
    trial.offsets.configure(windows, retention_bytes="-1")


def _deleted(trial: Trial, committed: dict[int, int]) -> Gaps:
    """Return what is deleted from the committed offsets on."""
    return {
        partition: (committed[partition], span.start)
        for partition, span in trial.offsets.windows().items()
        if span.start > committed.get(partition, span.start)
    }


def _check_stop_at_gap(trial: Trial) -> None:
    """Check that a consumer with `--on-gap=stop` ends at a gap."""
    member = trial.consumer("--on-gap=stop", ready=False)
    trial.excused.append(member)
    if (status := member.wait()) != 1:
        raise ChaosError(f"{member.log}: status {status} instead of 1 at a gap, with --on-gap=stop")


def vanished(trial: Trial) -> None:
    """Delete the diagnoses topic with all its messages, and create it again after a while.

    No result may be missing from the offsets on that were committed when it was deleted.
    """
    topic = trial.topics.diagnoses_topic
    member = trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            before = _failures(member)
            trial.offsets.delete(topic)
            trial.until(lambda: not trial.offsets.exists(topic), "the topic to be deleted")
            _await_failure(trial, member, before)
            trial.checks.from_offset = trial.offsets.settled()
            time.sleep(AWAY)
            trial.create(topic)


def _await_failure(trial: Trial, member: Member, before: int) -> None:
    """Wait until a consumer has failed to publish more often than before."""
    what = "the consumer to notice that its topic is deleted"
    trial.until(lambda: _failures(member) > before, what)


def _failures(member: Member) -> int:
    """Count the log lines of a consumer that fails to publish."""
    return len(member.reasons()) + len(member.events(WAITING_FOR_KAFKA))


def recreated(trial: Trial) -> None:
    """Delete the windows topic, and create it anew, under the running consumer.

    In turn the consumer has caught up, or windows are in flight. The new topic fills up from empty:
    if it held more windows than the old one before the consumer noticed, those that continue the
    old offsets would be diagnosed twice, which docs/guarantees.md states as a limit. Windows of the
    deleted topic are checked up to the committed offsets; those of the new one, all. The recovery
    is measured from the creation on.
    """
    topic = trial.topics.windows_topic
    member = trial.consumer()
    for number in trial.moments():
        _check_so_far(trial)
        noticed = len(member.events(TOPIC_RECREATED))
        in_flight = number % 2 == 1
        trial.stop_feed(BURST if in_flight else 0)
        if not in_flight:
            trial.await_caught_up()
        trial.offsets.delete(topic)
        trial.until(lambda: not trial.offsets.exists(topic), "the topic to be deleted")
        if in_flight:
            _await_no_more(trial)
        trial.forget_windows()
        with trial.fault():
            trial.create(topic)
            trial.start_feed()
        _await_event(trial, member, TOPIC_RECREATED, noticed)


def _await_event(trial: Trial, member: Member, event: Event, before: int) -> None:
    """Wait until a consumer has logged an event more often than before."""
    what = f"{member.log} to log '{event.name}'"
    trial.until(lambda: len(member.events(event)) > before, what)


def _check_so_far(trial: Trial) -> None:
    """Check the windows whose offsets are committed, while the consumer runs."""
    report = trial.checks.run(to_offset=trial.offsets.settled())
    if report.wrong:
        raise ChaosError(f"before the topic was deleted: {report.wrong}")
    trial.notes["windows of deleted topics"] += report.windows


def _await_no_more(trial: Trial) -> None:
    """Wait until nothing is published any more."""
    count = -1
    while count != trial.subscriber.count:
        count = trial.subscriber.count
        time.sleep(SETTLED)


def partitions_added(trial: Trial) -> None:
    """Add a partition to the windows topic; it recovers when windows of that are diagnosed."""
    topic = trial.topics.windows_topic
    trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            number = trial.offsets.add_partition(topic)
            _await_diagnosed(trial, number)


def _await_diagnosed(trial: Trial, partition: int) -> None:
    """Wait until windows of a partition are diagnosed."""
    what = f"windows of partition {partition} to be diagnosed"
    trial.until(lambda: trial.offsets.committed().get(partition, 0) > 0, what)
