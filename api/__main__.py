"""`python -m api` is `bearing-stream serve`."""

from api.command import command

command()
