"""`python -m recordings`."""

from recordings.command import command

command()
