"""Every fault, how often each is injected, and the course of the suite."""

import math
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.local_kafka import LocalKafka, LocalKafkaError
from producer_sim import SensorStream
from tools.chaos.alarm_trial import AlarmTrial
from tools.chaos.base import Order
from tools.chaos.clusters import Site, cluster
from tools.chaos.errors import ChaosError
from tools.chaos.fault import ONCE, Fault
from tools.chaos.faults import (
    alarms,
    brokers,
    consumers,
    messages,
    models,
    network,
    topics,
    transactions,
)
from tools.chaos.feed import FeedSettings
from tools.chaos.plan import Plan
from tools.chaos.results import Outcome

LOG_LINES: Final = 100_000
"""Lines of a broker's log that are kept after a failed trial: more than any log had so far."""

_of_alarms: Final = partial(Fault, guarantees=ONCE, trial=AlarmTrial)

FAULTS: Final = (
    Fault("consumer-killed", consumers.killed, 50, 12, windows=300_000),
    Fault("consumer-killed-named", consumers.killed_named, 150, 6, windows=700_000),
    Fault("consumer-frozen", consumers.frozen, 20, 12),
    Fault("consumer-frozen-new-protocol", consumers.frozen_new_protocol, 20, 12),
    Fault("join-and-leave", consumers.joining_and_leaving, 30, 7),
    Fault("join-and-leave-new-protocol", consumers.joining_and_leaving_new_protocol, 30, 7),
    Fault("join-and-leave-static", consumers.joining_and_leaving_static, 30, 8),
    Fault("clock-jumps", consumers.clock_jumping, 20, 2),
    Fault("transaction-aborted", transactions.aborted, 20, 6, guarantees=ONCE),
    Fault("commit-unknown", transactions.commit_unknown, 20, 6),
    Fault("retention-overtakes", topics.overtaken, 5, 20),
    Fault("diagnoses-vanish", topics.vanished, 5, 20),
    Fault("topic-recreated", topics.recreated, 6, 15),
    Fault("partitions-added", topics.partitions_added, 6, 5),
    Fault("bombs", messages.bombed, 20, 2),
    Fault("network-silent", network.silent, 12, 15),
    Fault("network-reset", network.reset, 20, 5),
    Fault("network-slow", network.slow, 6, 12),
    Fault("dead-letters-flood", messages.flooded, 8, 15),
    Fault("two-models", models.two_models, 12, 12),
    Fault("broker-restarted", brokers.restarted, 20, 20),
    Fault("broker-killed", brokers.killed, 20, 20),
    Fault("broker-gone", brokers.gone, 3, 90),
    _of_alarms("alarms-killed", consumers.killed_named, 100, 6, windows=500_000),
    _of_alarms("alarms-frozen", consumers.frozen, 10, 12),
    _of_alarms("alarms-join-and-leave", consumers.joining_and_leaving, 20, 6),
    _of_alarms("alarms-compacted", alarms.compacted, 20, 6),
    _of_alarms("alarms-deleted", alarms.deleted, 10, 10),
    _of_alarms("alarms-clock-jumps", consumers.clock_jumping, 10, 2),
    _of_alarms("alarms-broker-killed", brokers.killed, 10, 20),
    Fault("leader-lost", brokers.leader_lost, 30, 15, site=Site.THREE),
    Fault("produce-fails", transactions.produce_failing, 20, 6, site=Site.THREE),
    Fault("broker-unreachable", network.unreachable, 12, 12, site=Site.THREE),
    Fault("leaders-elected", brokers.leaders_elected, 12, 12, site=Site.THREE),
    Fault("disk-full", brokers.out_of_disk, 5, 15, site=Site.SMALL_DISK),
)


class Suite:
    """Runs faults one after the other, with each of their guarantees."""

    def __init__(self, seed: int, folder: Path, pace: FeedSettings | None = None) -> None:
        """Set up; the logs go into `folder`."""
        self._seed = seed
        self._folder = folder
        self._pace = pace or FeedSettings()
        self._streams: list[SensorStream] | None = None

    def run(self, plan: Plan, announce: Callable[[str], None]) -> Iterator[Outcome]:
        """Yield the outcome of each trial; `announce` is called with a line before each.

        After a trial that fails, the next one gets a cluster of its own: this one may be the cause.
        """
        while plan.left:
            site = plan.left[0][0].site
            try:
                with cluster(site) as kafka:
                    yield from self._run_on(kafka, site, plan, announce)
            except ChaosError as impossible:
                while plan.left and plan.left[0][0].site is site:
                    yield _skipped(*plan.take(), str(impossible))
            except LocalKafkaError as failure:
                fault, guarantee = plan.take()
                yield Outcome(fault.name, guarantee, None, [], {}, 0.0, failure=str(failure))

    def _run_on(
        self, kafka: LocalKafka, site: Site, plan: Plan, announce: Callable[[str], None]
    ) -> Iterator[Outcome]:
        """Yield the outcomes of the trials at one site, up to the first that fails."""
        while plan.left and plan.left[0][0].site is site:
            has_time = plan.has_time()
            fault, guarantee = plan.take()
            if not has_time:
                yield _skipped(fault, guarantee, "not run: the time is over")
                continue
            announce(f"{fault.name}, {guarantee}, {fault.times} times")
            outcome = self.trial(kafka, fault, guarantee, plan.end_of(fault))
            yield outcome
            if not outcome.sound:
                return

    def trial(
        self, kafka: LocalKafka, fault: Fault, guarantee: Guarantee, ends: float = math.inf
    ) -> Outcome:
        """Inject one fault as often as it asks for, up to a monotonic time; check the results."""
        began = time.monotonic()
        folder = self._folder / f"{fault.name}-{guarantee}"
        folder.mkdir(parents=True, exist_ok=True)
        order = Order(
            guarantee,
            fault.times,
            max(fault.windows, fault.times * self._pace.apart),
            # Each fault has a seed of its own: it makes the same choices alone and among others.
            zlib.crc32(f"{self._seed} {fault.name} {guarantee}".encode()),
            folder,
            self._pace,
            self._streams,
            ends,
        )
        report, failure = None, ""
        with fault.trial(kafka, order) as trial:
            self._streams = trial.streams
            try:
                fault.inject(trial)
                trial.finish()
                report = trial.check()
            except (ChaosError, FatalKafkaError, KafkaException, LocalKafkaError) as error:
                failure = str(error)
            except Exception as error:
                # A fault of the tool; the other trials go on.
                failure = f"{type(error).__name__}: {error}"
                (folder / "traceback.log").write_text(traceback.format_exc())
        outcome = Outcome(
            fault.name,
            guarantee,
            report,
            trial.recoveries,
            dict(trial.notes),
            time.monotonic() - began,
            failure=failure,
        )
        if not outcome.sound:
            # The logs are deleted with the cluster, and may show the cause.
            for broker in kafka.brokers:
                log = folder / f"broker-{broker}.log"
                log.write_text(kafka.log_tail(broker, LOG_LINES))
        return outcome


def _skipped(fault: Fault, guarantee: Guarantee, reason: str) -> Outcome:
    return Outcome(fault.name, guarantee, None, [], {}, 0.0, skipped=reason)
