"""`python -m training` is `bearing-stream train`."""

from training.command import command

command()
