"""Replay recordings into Kafka as measurements: `bearing-stream simulate`.

The path of a measurement: a `SensorStream` yields it, `interleave` sets its measured time, `Pace`
its time to be sent, a `StreamEncoder` makes the message, and `Sender` produces it and counts
failures. `simulate` runs these steps.
"""

from producer_sim.settings import SimulatorSettings
from producer_sim.simulate import Sent, simulate
from producer_sim.sources import open_streams
from producer_sim.streams import SensorStream

__all__ = ["SensorStream", "Sent", "SimulatorSettings", "open_streams", "simulate"]
