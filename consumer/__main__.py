"""`python -m consumer` is `bearing-stream consume`."""

from consumer.command import command

command()
