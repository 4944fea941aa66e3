"""Replay recordings into Kafka as windows: `bearing-stream simulate`.

The way of a window: a `SensorStream` yields it, `interleave` says when it was measured, `Pace` when
to send it, `encode_window` makes the message, and `Sender` sees to it that Kafka has it. `simulate`
walks this way.
"""

from producer_sim.settings import SimulatorSettings
from producer_sim.simulate import Sent, simulate
from producer_sim.sources import open_streams
from producer_sim.streams import SensorStream

__all__ = ["SensorStream", "Sent", "SimulatorSettings", "open_streams", "simulate"]
