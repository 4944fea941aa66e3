"""What a person asks of an alarm on the page: sent as `bearing-stream alarms` sends it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bearing_stream.commands.alarms import acting
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.kafka import AlarmTopicSettings, FatalKafkaError
from bearing_stream.wire.alarm import AlarmEvent, PublishedCommand
from bearing_stream.wire.alarm_terms import Action, Severity, Transition

WAIT: Final = 5.0
"""Seconds to wait for the result of a command; later it shows as the alarm's new state."""

THREADS: Final = 4

MAX_WAITING: Final = 16
"""Commands that wait for their results at a time."""

MAX_SHELVING: Final = 366 * 86_400.0
"""Seconds; the rules of the alarm have a maximum of their own."""

Sender = Callable[[AlarmTopicSettings, list[tuple[PublishedCommand, int]], float], list[AlarmEvent]]


class ActingError(Exception):
    """The command is not carried out; the message states why. `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _text(least: int, most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


class Asked(BaseModel):
    """What a person asks of an alarm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alarm_id: Annotated[str, _text(1, 1024)]
    action: Literal["acknowledge", "shelve", "unshelve"]
    by: Annotated[str, _text(0, 100)] = ""
    """The person's name; one that the proxy states replaces it."""
    reason: Annotated[str, _text(1, 1000)]
    severity: Severity
    """The severity that the person saw."""
    count: int | None = Field(default=None, ge=0)
    """How often the alarm had been raised when the person saw it."""
    seconds: float | None = Field(default=None, gt=0, le=MAX_SHELVING)
    """How long to shelve it."""
    once: bool = False
    """Whether a shelving ends when the alarm clears, if that is earlier."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.action == "shelve" and self.seconds is None and not self.once:
            raise ValueError("a shelving needs an end: 'seconds', or 'once'")
        return self


def asked(body: bytes) -> Asked:
    """Read the body of a request.

    Raises:
        ActingError: It is not one; states what was expected.
    """
    try:
        return Asked.model_validate_json(body)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise ActingError(422, "; ".join(problems)) from None


class Operator:
    """Sends the commands of people, each of which waits for its result in a thread."""

    def __init__(
        self, settings: AlarmTopicSettings, table: AlarmTable, send: Sender = acting.send
    ) -> None:
        """Prepare; connects for each command.

        Args:
            settings: The connection and the topics of alarms.
            table: The alarms as people see them.
            send: Sends commands and returns their results.
        """
        self._settings = settings
        self._table = table
        self._send = send
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="operator")
        self._waiting = 0

    def close(self) -> None:
        """End the threads, without the commands that have not been sent."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def act(self, wish: Asked, by: str) -> dict[str, Any]:
        """Send a command, and return what came of it.

        Args:
            wish: What the person asks.
            by: The person's name.

        Returns:
            `outcome`: `done`, `refused`, or `pending` where no result has come yet; `detail`, why
            it was refused; and the `command_id`, which the event of the result has too.

        Raises:
            ActingError: There is no such alarm, too many commands wait, or Kafka refuses.
        """
        row = self._table.find(wish.alarm_id)
        if row is None:
            raise ActingError(
                404,
                f"'{wish.alarm_id}' is no alarm that is displayed or shelved now: it may be masked "
                "(its sensor is silent, or its machine is off), suppressed or out of service. "
                "`bearing-stream alarms show` states it, and `alarms ack` takes it",
            )
        if self._waiting >= MAX_WAITING:
            raise ActingError(503, "Too many commands wait for their results; try again")
        command = acting.command_for(
            row,
            Action(wish.action),
            by,
            wish.reason,
            datetime.now(UTC),
            lasts=None if wish.seconds is None else timedelta(seconds=wish.seconds),
            once=wish.once,
            seen=wish.severity,
            count=wish.count,
        )
        self._waiting += 1
        try:
            events = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._send, self._settings, [(command, row.partition)], WAIT
            )
        except FatalKafkaError as error:
            raise ActingError(503, str(error)) from error
        finally:
            self._waiting -= 1
        return {"command_id": command.command_id, **_outcome(events)}


def _outcome(events: list[AlarmEvent]) -> dict[str, Any]:
    if not events:
        return {
            "outcome": "pending",
            "detail": f"No result within {WAIT:g} s: the command is in the topic, and takes effect "
            "when `bearing-stream alarms` runs",
        }
    [event] = events
    if event.event == Transition.REFUSED and event.command is not None:
        return {"outcome": "refused", "detail": event.command.detail or "no reason is stated"}
    return {"outcome": "done", "detail": None}
