"""What a backlog that is processed too fast, or not at all, ends with."""

import os
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from bearing_stream.commands.capacity.errors import CapacityError
from bearing_stream.commands.capacity.measuring import measure
from bearing_stream.commands.capacity.settings import CapacitySettings


class StandingStage:
    """Its consumers have diagnosed so many windows, and no more."""

    broker = None

    def __init__(self, diagnosed: int) -> None:
        self._diagnosed = diagnosed

    def topics(self) -> Any:
        return SimpleNamespace(diagnoses_topic="diagnoses")

    def running(self, _topics: Any, command: str, *_options: str) -> Any:
        is_running = command == "consume"
        return nullcontext(SimpleNamespace(pid=os.getpid(), running=lambda: is_running))

    def count(self, _topic: str) -> int:
        return self._diagnosed


@pytest.mark.parametrize(
    ("diagnosed", "advice"),
    [(1000, "use a larger --backlog"), (1003, "larger --backlog"), (500, "is the cluster")],
)
def test_a_backlog_of_which_nothing_is_left_to_measure_gets_a_reason(
    diagnosed: int, advice: str
) -> None:
    settings = CapacitySettings(backlog=1000, max_seconds=1.0)
    stage: Any = StandingStage(diagnosed)
    with pytest.raises(CapacityError, match=advice):
        measure(stage, settings, workers=1)
