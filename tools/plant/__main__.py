"""`python -m tools.plant`."""

from tools.plant.command import command

command()
