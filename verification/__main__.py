"""`python -m verification` is `bearing-stream verify`."""

from verification.command import command

command()
