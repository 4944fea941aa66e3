"""Faults of consumers: kill, freeze, joining and leaving, a clock that jumps."""

import time
from typing import Final

from consumer.events import READY, RESUMED
from tools.chaos.base import PARTITIONS, BaseTrial
from tools.chaos.faults.freezing import STAYS_OPEN, freeze_in_transaction
from tools.chaos.member import Member

NAMED: Final = "--instance-id=press-7"

PAIR: Final = ("first", "second")
"""Client ids of two consumers."""


def killed(trial: BaseTrial, *options: str) -> None:
    """Send SIGKILL, every other time inside a transaction, and start another at once."""
    member = trial.consumer(*options)
    for number in trial.moments():
        if number % 2 and trial.order.guarantee == "exactly-once":
            freeze_in_transaction(trial, member)
        with trial.fault():
            member.kill()
            member = trial.consumer(*options, ready=False)
        member.await_event(READY)


def killed_named(trial: BaseTrial) -> None:
    """Do the same with a stable instance id: the successor ends the transaction."""
    killed(trial, NAMED)


def frozen(trial: BaseTrial, *options: str) -> None:
    """Freeze beyond the session timeout, and thaw after the other member has taken over.

    The transaction does not time out meanwhile, so that only the group fences the zombie.
    """
    options = (*options, "--transaction-timeout=20", "--commit-interval=0.5")
    pair = {
        name: trial.consumer(*options, f"--kafka=client.id={name}", ready=False) for name in PAIR
    }
    for number in trial.moments():
        trial.until(lambda: _shared(trial), "two members that both have partitions")
        name = PAIR[number % 2]
        zombie = pair[name]
        _freeze(trial, zombie, name)
        # Only now: until it was frozen, it may have rewound for another reason.
        rewinds = len(zombie.events(RESUMED))
        with trial.fault():
            _await_takeover(trial, PAIR[(number + 1) % 2])
            zombie.thaw()
        trial.until(lambda: _shared(trial), "the zombie to join again")
        if trial.order.guarantee == "exactly-once":
            # It may have been frozen while it aborted the transaction for another reason.
            zombie.await_event(RESUMED, rewinds + 1)
            trial.notes["aborted by the zombie"] += 1


def frozen_new_protocol(trial: BaseTrial) -> None:
    """Do the same with the new group protocol."""
    frozen(trial, "--group-protocol=consumer")


def _shared(trial: BaseTrial) -> bool:
    """Whether both of the pair have partitions."""
    owned = trial.offsets.owned()
    return all(owned.get(name) for name in PAIR)


def _freeze(trial: BaseTrial, member: Member, name: str) -> None:
    if trial.order.guarantee == "exactly-once":
        freeze_in_transaction(trial, member, STAYS_OPEN, name)
    else:
        member.freeze()


def _await_takeover(trial: BaseTrial, name: str) -> None:
    """Wait until a member has all partitions, and has committed offsets in each."""
    trial.until(
        lambda: len(trial.offsets.owned().get(name, ())) == PARTITIONS, "the other to have all"
    )
    before = trial.offsets.committed()

    def has_progressed() -> bool:
        """Whether every partition has an offset committed after the start of the wait."""
        now = trial.offsets.committed()
        return len(now) == PARTITIONS and all(
            offset > before.get(partition, 0) for partition, offset in now.items()
        )

    trial.until(has_progressed, "the other to take over")


def joining_and_leaving(trial: BaseTrial, *options: str, named: bool = False) -> None:
    """Start or stop one of three consumers, repeatedly; at least one keeps running."""
    slots: list[Member | None] = [None] * 3

    def start(slot: int) -> Member:
        """Start a consumer, with the instance id of its slot if the members are `named`."""
        name = (f"--instance-id=slot-{slot}",) if named else ()
        return trial.consumer(*options, *name)

    slots[0] = start(0)
    for _ in trial.moments():
        running = [slot for slot, member in enumerate(slots) if member is not None]
        slot = trial.rng.choice(running if len(running) == 3 else range(3))
        if running == [slot]:
            slot = (slot + 1) % 3
        with trial.fault():
            member = slots[slot]
            if member is None:
                slots[slot] = start(slot)
                trial.notes["joined"] += 1
            else:
                member.stop()
                slots[slot] = None
                trial.notes["left"] += 1


def joining_and_leaving_new_protocol(trial: BaseTrial) -> None:
    """Do the same with the new group protocol."""
    joining_and_leaving(trial, "--group-protocol=consumer")


def joining_and_leaving_static(trial: BaseTrial) -> None:
    """Do the same with static members, for which the group waits while they are away."""
    joining_and_leaving(trial, named=True)


def clock_jumping(trial: BaseTrial) -> None:
    """Run a consumer whose wall clock jumps back and forth by hours all the time."""
    trial.consumer(program="tools.chaos.jumping_clock")
    for _ in trial.moments():
        with trial.fault():
            time.sleep(1)
