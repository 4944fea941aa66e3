"""`python -m diagnose` is `bearing-stream diagnose`."""

from diagnose.command import command

command()
