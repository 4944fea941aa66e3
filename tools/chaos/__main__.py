"""`python -m tools.chaos`, or `make chaos`."""

from tools.chaos.command import command

command()
