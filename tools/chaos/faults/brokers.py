"""What happens to brokers: restarted, killed, gone for a while, led by another, out of disk."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tools.chaos.member import Member
from tools.chaos.trial import Trial

GONE: Final = (5.0, 150.0)
"""Seconds that a broker is gone: the first time, and the last."""

NOTICED: Final = 30.0
"""Seconds more, at most, until a consumer says that its broker is gone: a call that was on its way
times out first."""

MEBIBYTE: Final = 2**20

TROUBLE: Final = "Kafka reports trouble; waiting for it to pass"


def restarted(trial: Trial) -> None:
    """The only broker, in good order."""
    trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.restart()


def killed(trial: Trial) -> None:
    """The only broker, by SIGKILL."""
    trial.consumer()
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.kill()
            trial.kafka.start()


def gone(trial: Trial) -> None:
    """The only broker, for longer and longer: the consumer waits, says so, and goes on."""
    member = trial.consumer("--report-interval=1")
    for number in trial.moments():
        said = len(member.events(TROUBLE))
        with trial.fault():
            trial.kafka.stop()
            shortest, longest = GONE
            time.sleep(shortest + (longest - shortest) * number / max(trial.order.times - 1, 1))
            _await_word(trial, member, said)
            trial.kafka.start()


def _await_word(trial: Trial, member: Member, said: int) -> None:
    """Wait until a consumer has more to say of the broker than before."""
    what = f"{member.log} to say that the broker is gone"
    trial.until(lambda: len(member.events(TROUBLE)) > said, what, NOTICED)


def leader_lost(trial: Trial) -> None:
    """The leader of a partition of windows or diagnoses, killed, stopped or frozen in turn.

    It stays away until another leads and all goes on, and then comes back.
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
    """No byte is left on the broker's disk; it ends, and starts again when there is room."""
    trial.consumer()
    ballast = Path(trial.kafka.folder).parent / "ballast"
    for _ in trial.moments():
        with trial.fault():
            _fill(ballast)
            trial.until(lambda: not trial.kafka.is_running(), "the broker to run out of disk")
            ballast.unlink()
            trial.kafka.start()


def _fill(ballast: Path) -> None:
    """Take all that is left on a disk."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        # Until there is no space left. Never for ever: the disk is a small one.
        while file.write(bytes(MEBIBYTE)):
            pass
