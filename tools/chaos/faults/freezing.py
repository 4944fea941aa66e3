"""Freezes a consumer at a moment when its transaction is open."""

import time
from typing import Final

from tools.chaos.base import BaseTrial
from tools.chaos.member import Member

STAYS_OPEN: Final = 0.4
"""Seconds after which a transaction of a frozen consumer that is still open stays open: a commit
request that was on its way to Kafka has arrived by then."""


def freeze_in_transaction(
    trial: BaseTrial, member: Member, seconds: float = 0.0, client_id: str | None = None
) -> None:
    """Freeze a consumer while a transaction is open.

    Args:
        trial: Whose consumer it is.
        member: The consumer.
        seconds: After this time the transaction must still be open.
        client_id: The id of its client, if there are other members: the transaction must then be
            open in a partition that is assigned to it. A diagnosis goes to the partition that its
            window came from.
    """

    def is_frozen_in_transaction() -> bool:
        """Freeze the member; thaw it again unless a transaction stays open."""
        member.freeze()
        before = trial.offsets.open_transaction(client_id)
        if before:
            time.sleep(seconds)
            after = trial.offsets.open_transaction(client_id)
            if before.items() & after.items():
                return True
        member.thaw()
        time.sleep(trial.rng.uniform(0.001, 0.05))
        return False

    trial.until(is_frozen_in_transaction, "a transaction to be open")
    trial.notes["in a transaction"] += 1
