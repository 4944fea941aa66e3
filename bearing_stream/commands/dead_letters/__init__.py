"""Lists and shows dead letters, and sends their originals back to the windows topic.

- `letters` parses a dead letter into its original and the reason of the rejection;
- `redrive` sends originals to the windows topic again, each once, in transactions;
- `redrive_history` stores in Kafka which letters were redriven;
- `view` formats letters for a terminal.
"""

from bearing_stream.commands.dead_letters.letters import Letter, matching, parse
from bearing_stream.commands.dead_letters.redrive import RedriveReport, redrive
from bearing_stream.commands.dead_letters.settings import LetterSettings, RedriveSettings

__all__ = [
    "Letter",
    "LetterSettings",
    "RedriveReport",
    "RedriveSettings",
    "matching",
    "parse",
    "redrive",
]
