"""`python -m demo` is `bearing-stream demo`."""

from demo.command import command

command()
