"""`python -m dead_letters` is `bearing-stream dead-letters`."""

from dead_letters.command import command

command()
