"""`python -m training.evaluation` is `bearing-stream evaluate`."""

from training.evaluation.command import command

command()
