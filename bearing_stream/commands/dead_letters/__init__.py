"""Dead letters as a place to work: list them, look at one, send originals back.

- `letters` reads a dead letter back into its original and what was said of it;
- `redrive` sends originals to the windows topic again, each once, in transactions;
- `memory` keeps what was redriven, in Kafka;
- `view` shows letters on a terminal.
"""

from bearing_stream.commands.dead_letters.letters import Letter, matching, parse
from bearing_stream.commands.dead_letters.redrive import Redriven, redrive
from bearing_stream.commands.dead_letters.settings import LetterSettings, RedriveSettings

__all__ = [
    "Letter",
    "LetterSettings",
    "RedriveSettings",
    "Redriven",
    "matching",
    "parse",
    "redrive",
]
