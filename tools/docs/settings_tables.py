"""The parts of the README that are made from the code.

`python -m tools.docs.settings_tables` writes them.
They stand between `<!-- settings: NAME -->` and `<!-- end -->`; a test holds the two together.
"""

import re
from pathlib import Path
from typing import Final

from bearing_stream.commands.dead_letters.settings import RedriveSettings
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.config import Settings, markdown_table
from bearing_stream.kafka import TopicSettings
from consumer.settings import ConsumerSettings
from model.settings import AssessmentSettings
from producer_sim.settings import SimulatorSettings

README: Final = Path(__file__).parents[2] / "README.md"

TABLES: Final[dict[str, type[Settings]]] = {
    "consume": ConsumerSettings,
    "simulate": SimulatorSettings,
    "watch": WatchSettings,
    "verify": VerifySettings,
    "dead_letters": RedriveSettings,
    "diagnose": DiagnoseSettings,
    "serve": ApiSettings,
    "demo": DemoSettings,
}

MARKED: Final = re.compile(r"(<!-- settings: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """The README with its settings tables as the code has them now."""
    return MARKED.sub(lambda found: found[1] + _table(found[2]) + found[3], text)


def _table(command: str) -> str:
    """A command's table; what several commands share stands in that of `consume` alone."""
    shared = set()
    for base in (TopicSettings, AssessmentSettings):
        if issubclass(TABLES[command], base) and command not in ("consume", "demo"):
            shared |= set(base.model_fields)
    return markdown_table(TABLES[command], without=shared)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
