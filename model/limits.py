"""From where on a diagnosis is doubted."""

from dataclasses import dataclass

from model.quality import Limits as SignalLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(SignalLimits):
    """Of the signal, and of novelty.

    Args:
        novelty_limit: Novelty beyond which a window is doubted; 1 is where 1 % of the windows that
            the network was validated on are beyond.
    """

    novelty_limit: float = 1.0
