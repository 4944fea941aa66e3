"""Faults of the network between the consumer and the brokers, which are well, by a relay."""

import time
from typing import Final

from tools.chaos.trial import Trial

SILENCE: Final = (4.0, 9.0)
"""Seconds without a packet: longer than the session, and at last than a transaction and a call."""

RESETS: Final = 10
"""Times that all connections are reset in a row."""

BETWEEN_RESETS: Final = 0.3
"""Seconds between two of them, at most."""

SLOW_RATE: Final = 50_000.0
"""Bytes a second, all connections and both directions together: 12 windows a second."""

SLOW: Final = 8.0
"""Seconds at that rate."""


def silent(trial: Trial) -> None:
    """Relay nothing for longer than the session lasts; connections stay open."""
    trial.consumer(relayed=True)
    for _ in trial.moments():
        with trial.fault():
            for relay in trial.relays:
                relay.silence()
            time.sleep(trial.rng.uniform(*SILENCE))
            for relay in trial.relays:
                relay.resume()


def reset(trial: Trial) -> None:
    """Reset all connections, several times in a row."""
    trial.consumer(relayed=True)
    for _ in trial.moments():
        with trial.fault():
            for _ in range(RESETS):
                for relay in trial.relays:
                    relay.reset()
                time.sleep(trial.rng.uniform(0, BETWEEN_RESETS))


def slow(trial: Trial) -> None:
    """Relay 50 KB a second for a while, where 4 MB a second arrive."""
    trial.consumer(relayed=True)
    for _ in trial.moments():
        with trial.fault():
            for relay in trial.relays:
                relay.limit(SLOW_RATE)
            time.sleep(SLOW)
            for relay in trial.relays:
                relay.limit(None)


def unreachable(trial: Trial) -> None:
    """Hide one broker of several from the consumer only; the others see it, and keep it leader."""
    trial.consumer(relayed=True)
    for _ in trial.moments():
        relay = trial.relays[trial.rng.choice(trial.kafka.brokers)]
        with trial.fault():
            relay.silence()
            time.sleep(trial.rng.uniform(*SILENCE))
            relay.resume()
