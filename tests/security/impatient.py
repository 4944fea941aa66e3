"""Runs as `bearing-stream`, with a consumer that checks more often than a user waits for."""

import runpy

from consumer.liveness import stall

stall.INTERVAL = 1.0  # type: ignore[misc]
runpy.run_module("bearing_stream", run_name="__main__", alter_sys=True)
