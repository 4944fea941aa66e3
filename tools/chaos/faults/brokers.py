"""Faults of brokers: restart, kill, absence, loss or election of leaders, full disk."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from consumer.events import KAFKA_ERROR
from tools.chaos.base import BaseTrial
from tools.chaos.errors import ChaosError
from tools.chaos.member import Member
from tools.chaos.trial import Trial

GONE: Final = (5.0, 150.0)
"""Seconds that a broker is gone: the first time, and the last."""

NOTICED: Final = 30.0
"""Seconds, at most, until a consumer logs that its broker is gone: its current call must time out
first."""

MEBIBYTE: Final = 2**20


def restarted(trial: BaseTrial) -> None:
    """Restart the only broker in order."""
    trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.restart()


def killed(trial: BaseTrial) -> None:
    """Kill the only broker with SIGKILL, and start it again."""
    trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.kill()
            trial.kafka.start()


def gone(trial: BaseTrial) -> None:
    """Stop the only broker for ever longer times: the consumer waits, logs it, and continues."""
    member = trial.consumer("--report-interval=1")
    for number in trial.moments():
        logged = len(member.events(KAFKA_ERROR))
        with trial.fault():
            trial.kafka.stop()
            shortest, longest = GONE
            time.sleep(shortest + (longest - shortest) * number / max(trial.order.times - 1, 1))
            _await_log(trial, member, logged)
            trial.kafka.start()


def _await_log(trial: BaseTrial, member: Member, logged: int) -> None:
    """Wait until a consumer has logged more errors of the broker than before."""
    what = f"{member.log} to report that the broker is gone"
    trial.until(lambda: len(member.events(KAFKA_ERROR)) > logged, what, NOTICED)


def leader_lost(trial: Trial) -> None:
    """Kill, stop or freeze, in turn, the leader of a partition of windows or diagnoses.

    It returns after another broker leads the partition and diagnoses are committed again.
    """
    trial.consumer()
    ways = (trial.kafka.kill, trial.kafka.stop, trial.kafka.freeze)
    for number in trial.moments():
        topic = trial.rng.choice(trial.names[:2])
        partition = trial.rng.randrange(4)
        leader = trial.offsets.leader(topic, partition)
        with trial.fault():
            ways[number % 3](leader)
        trial.kafka.thaw(leader)
        if not trial.kafka.is_running(leader):
            trial.kafka.start(leader)
        trial.until(lambda: trial.offsets.in_sync(), "all replicas to be in sync")


def out_of_disk(trial: Trial) -> None:
    """Fill the broker's disk, which ends it; start it again when there is space."""
    trial.consumer()
    ballast = Path(trial.kafka.folder).parent / "ballast"
    for _ in trial.moments():
        with trial.fault():
            _fill(ballast)
            trial.until(lambda: not trial.kafka.is_running(), "the broker to run out of disk")
            ballast.unlink()
            trial.kafka.start()


def _fill(ballast: Path) -> None:
    """Take all space that is left on a disk."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        # Ends with an error when no space is left; the disk is small.
        while file.write(bytes(MEBIBYTE)):
            pass


def leaders_elected(trial: Trial) -> None:
    """Move leaders and coordinators back to a broker that was away, while the consumer commits."""
    trial.consumer()
    for _ in trial.moments():
        trial.kafka.restart(trial.rng.choice(trial.kafka.brokers))
        trial.until(lambda: trial.offsets.in_sync(), "all replicas to be in sync")
        with trial.fault():
            elected = trial.offsets.elect_leaders()
        if not elected:
            raise ChaosError("no leader was elected")
        trial.notes["leaders elected"] += elected
