"""The command line of the programs, which is that of `bearing-stream consume`."""

import argparse
import signal
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True, slots=True)
class Options:
    """Where a program reads and writes."""

    bootstrap_servers: str
    group: str
    windows_topic: str
    diagnoses_topic: str
    published_form: bool
    """Compute the network as it was published, a convolution and a tanh, instead of as one matrix
    product."""


def parse() -> Options:
    """Return the options of this process."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap-servers", "group", "windows-topic", "diagnoses-topic"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--published-form", action="store_true")
    return Options(**vars(parser.parse_args()))


class Running:
    """True until SIGTERM."""

    def __init__(self) -> None:
        self._running = True
        signal.signal(signal.SIGTERM, self._stop)

    def __bool__(self) -> bool:
        return self._running

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._running = False
