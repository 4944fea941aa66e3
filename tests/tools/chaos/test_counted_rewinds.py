"""A trial waits for a rewind that follows its fault, whatever the consumer did before that."""

from collections.abc import Callable
from unittest.mock import MagicMock

import pytest

from consumer.events import RESUMED
from tools.chaos.base import BaseTrial
from tools.chaos.faults import consumers, transactions


class RewindsBeforeItFreezes(MagicMock):
    """A consumer that rewinds once, for a reason of its own, until the trial has frozen it."""

    def freeze(self) -> None:
        self.events.return_value = [{"event": RESUMED.name}]


@pytest.mark.parametrize("fault", [consumers.frozen, transactions.aborted])
def test_a_rewind_before_the_freeze_does_not_count(
    fault: Callable[[BaseTrial], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (consumers, transactions):
        monkeypatch.setattr(
            module, "freeze_in_transaction", lambda _trial, member, *_: member.freeze()
        )
    member = RewindsBeforeItFreezes()
    member.events.return_value = []
    trial = MagicMock()
    trial.order.guarantee = "exactly-once"
    trial.moments.return_value = [0]
    trial.consumer.return_value = member
    trial.offsets.committed.return_value = {}
    fault(trial)
    member.await_event.assert_called_once_with(RESUMED, 2)
