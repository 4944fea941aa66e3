"""`python -m watch` is `bearing-stream watch`."""

from watch.command import command

command()
