"""`python -m assessment` is `bearing-stream baseline`."""

from assessment.command import command

command()
