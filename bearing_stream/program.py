"""How one command of `bearing-stream` starts another as a process, and how commands end."""

import sys
from typing import Final

PROGRAM: Final = (sys.executable, "-P", "-m", "bearing_stream")
"""The start of a command line that runs this installation's `bearing-stream`.

`-P` keeps the current folder off the path: a `settings.py` or an `api/` there must not be imported
in place of the installed packages.
"""

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as in shells: 128 plus the number of the signal."""
