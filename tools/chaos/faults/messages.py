"""Faults of messages: a flood of malformed ones, and values that are large when decompressed."""

import time
from typing import Final

from tools.chaos.extra import BOMB_PROPERTIES, Extra, bombs, malformed
from tools.chaos.trial import Trial

FLOOD_RATE: Final = 2000.0
"""Malformed messages a second, about."""

AROUND: Final = 1.0
"""Seconds of the flood before the broker stops, and after it is back."""


def flooded(trial: Trial) -> None:
    """Restart the only broker while nothing but malformed messages arrives."""
    trial.consumer()
    for _ in trial.moments():
        trial.stop_feed()
        with trial.fault():
            with Extra(trial.topics, malformed(trial.rng), FLOOD_RATE) as flood:
                time.sleep(AROUND)
                trial.kafka.restart()
                time.sleep(AROUND)
            trial.start_feed()
            trial.subscriber.expect_news()
        trial.notes["malformed"] += flood.sent


def bombed(trial: Trial) -> None:
    """Send 12 MB of zeros every second, compressed to 12 KB, in addition to the feed."""
    trial.consumer()
    with Extra(trial.topics, bombs(trial.rng), 1.0, BOMB_PROPERTIES) as extra:
        for _ in trial.moments():
            _await_next(trial, extra)
            with trial.fault():
                pass
    trial.notes["bombs"] += extra.sent


def _await_next(trial: Trial, extra: Extra) -> None:
    """Wait until the next message is sent."""
    sent = extra.sent
    trial.until(lambda: extra.sent > sent, "the next bomb")
