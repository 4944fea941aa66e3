"""`python -m producer_sim` is `bearing-stream simulate`."""

from producer_sim.command import command

command()
