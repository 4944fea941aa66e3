"""`python -m chaos`, or `make chaos`."""

from chaos.command import command

command()
