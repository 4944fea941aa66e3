"""Every deadline of the consumer in one table, and what they add up to.

A step that Kafka, or the client, keeps waiting is given up after its time. The watchdog must not
end the process before that, nor the group remove it. One step has no time of its own: with at least
once, the client's commit before partitions are revoked.
"""

from dataclasses import dataclass
from typing import Final

from consumer.stage_settings import StageSettings

IDLE_POLL: Final = 0.5
"""Seconds that a poll waits when nothing is in flight."""

REQUEST: Final = 2.0
"""Seconds to wait for a response about topics: ids, offsets, what is in the output."""

COMMITTED: Final = 5.0
"""Seconds to wait for the committed offsets."""

STEP_OVER: Final = 5.0
"""Seconds to find where a batch ends that cannot be unpacked; it takes half a second."""

QUEUE: Final = 2.0
"""Seconds in all to wait for space in the producer's queue between two commits. The queue is larger
than what one transaction may hold."""

HANG: Final = 2.0
"""Seconds beyond its own timeout after which a call of the client is taken to hang."""

COMMIT: Final = 5.0
"""Seconds to wait for the response to the consumer's own commit of offsets, with at least once."""

DRAIN: Final = 4.0
"""Seconds for the last batch and the last commit before partitions go or the consumer stops."""

RECOVERY: Final = 3.0
"""Seconds for one attempt to recover; short, so that a signal to stop is noticed meanwhile."""

MAX_BACKOFF: Final = 2.0
"""Seconds at most between two attempts to recover."""

CLOSE: Final = 2.0
"""Seconds to abort what is open when the consumer ends. What is not aborted, Kafka aborts by itself
when the transaction times out."""

LEAVE: Final = 1.0
"""Seconds to leave the group."""

SHUTDOWN: Final = 9.5
"""Seconds after a signal at which the process ends, whatever it is doing."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the steps of one consumer may take, in seconds.

    Args:
        batch: To assess one batch; the next ones are smaller if one takes longer.
        commit: To commit under load.
        session: Without a heartbeat, after which the group removes the consumer.
    """

    batch: float
    commit: float
    session: float

    @classmethod
    def of(cls, settings: StageSettings) -> "Budget":
        """Return the budget of these settings."""
        return cls(
            settings.target_batch_duration, settings.transaction_timeout, settings.session_timeout
        )

    @property
    def resolve(self) -> float:
        """To find where partitions are read from, and to commit where new ones begin.

        That takes the offsets, the topic's id, its ranges, and both output topics.
        """
        output = 2 * 5 * REQUEST
        return 2 * COMMITTED + 5 * REQUEST + output

    @property
    def finish(self) -> float:
        """To diagnose the batch that is in flight, publish it, and commit."""
        return max(DRAIN, self.batch + QUEUE) + HANG

    @property
    def revocation(self) -> float:
        """To finish what is in flight; if that fails, one attempt to give it up."""
        return self.finish + RECOVERY + HANG

    @property
    def polling(self) -> float:
        """One poll, with all that can happen inside: partitions go, others come, a batch is bad."""
        return IDLE_POLL + self.revocation + self.resolve + STEP_OVER

    @property
    def round(self) -> float:
        """One round of the loop: poll, assess, publish, commit; two batches if one is oversized."""
        return self.polling + QUEUE + 2 * (self.batch + self.commit + HANG)

    @property
    def recovery(self) -> float:
        """One attempt to recover: wait, register and settle, resolve, poll."""
        return MAX_BACKOFF + RECOVERY + HANG + self.resolve + self.polling

    @property
    def stop(self) -> float:
        """To finish what is in flight and leave, once the loop has noticed the signal."""
        return self.finish + CLOSE + LEAVE

    @property
    def longest_round(self) -> float:
        """A round of either kind, if every step of it takes all its time."""
        return max(self.round, self.recovery)

    @property
    def watchdog(self) -> float:
        """Without a finished round after which the process ends: the longest, and a margin."""
        return self.longest_round + 30.0

    @property
    def poll_interval(self) -> float:
        """Between two polls, before the group removes the consumer; at least Kafka's default."""
        return max(300.0, self.session, 2 * self.watchdog)
